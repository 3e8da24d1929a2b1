"""The types that flow: videos and expressions of a benchmark, and the sample that is trained on or predicted. NumPy only.

T frames, H W pixels.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Frames: TypeAlias = NDArray[np.uint8]  # [T, H, W, 3], RGB
Masks: TypeAlias = NDArray[np.bool_]  # [T, H, W]
# What a split is scored by: the masks of whole videos, frame by frame, or all queries' masks in one frame a video, as detections.
Evaluation: TypeAlias = Literal["frames", "detections"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A sentence that refers to one object; `object` is the pixel value of its mask.

    Where a split is scored by detections `id` is the image's name in the scores, and no other of the split has it.
    """

    id: str
    text: str
    object: int


@dataclass(frozen=True, slots=True)
class Video:
    """`frames` are their names in order. All of them are annotated, or only the one of index `annotated`.

    Videos of one `source` show the same frames; empty: no other does.
    """

    id: str
    frames: tuple[str, ...]
    expressions: tuple[Expression, ...]
    annotated: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the training list: a clip is sampled around frame `start`."""

    video: int
    expression: int
    start: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip with one expression and the mask of what it names.

    `boxes_T4` are x1 y1 x2 y2 in pixels, zero where `valid_T` is false: the object is not seen. `noise_seed` draws the gaussian noise.
    Where only the frame of index `annotated` has a truth, the others have empty masks and are not valid.
    """

    video: str
    expression: str
    text: str
    frames: Frames
    masks: Masks
    boxes_T4: NDArray[np.float32]
    valid_T: NDArray[np.bool_]
    noise_seed: int
    annotated: int | None = None


class Split(Protocol):
    """One split of a benchmark on disk: what a file of vdit/benchmarks returns from `read`."""

    evaluation: ClassVar[Evaluation]
    videos: tuple[Video, ...]
    items: tuple[Item, ...]

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        """RGB frames; raises ValueError naming the file where one is missing, truncated or of another size."""
        ...

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        """The object's masks at the frames' size, empty in frames that are not annotated; raises ValueError naming the file."""
        ...

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        """All objects: [T, H, W] pixel values."""
        ...
