"""A split in memory whose pixels tell where they come from."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vdit.video import Expression, Frames, Item, Masks, Video


class Squares:
    """One video per entry of `lengths`, 40x60: frame t has the value 10 + t everywhere; object 1 is a square, object 2 is never seen."""

    def __init__(self, lengths: tuple[int, ...], objects: tuple[int, ...]) -> None:
        said = tuple(Expression(str(key), "the Square  on the LEFT", object_id) for key, object_id in enumerate(objects))
        self.videos = tuple(Video(f"v{key}", tuple(f"{t:05d}" for t in range(length)), said) for key, length in enumerate(lengths))
        self.items = tuple(Item(key, 0, t) for key, length in enumerate(lengths) for t in range(0, length, 5))

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        return np.stack([np.full((40, 60, 3), 10 + index, np.uint8) for index in indices])

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        return self.labels(video, indices) == object_id

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        labels = np.zeros((len(indices), 40, 60), np.uint8)
        labels[:, 5:15, 10:30] = 1
        return labels

    def size(self, video: Video) -> tuple[int, int]:
        return 40, 60


@pytest.fixture
def squares() -> type[Squares]:
    return Squares
