"""Frames of a video file, with errors that name it.

A video is decoded from its start up to the last frame that is asked for. To seek would be faster, but lands a frame off in files whose
frames are not stored in the order they are shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from vdit.benchmarks._images import AGAIN
from vdit.video import Frames

# The workers and threads of a trial share the processors as they are.
OPTIONS = (cv2.CAP_PROP_N_THREADS, 1)


@contextmanager
def opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise ValueError(f"{path} does not exist; {AGAIN}")
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, OPTIONS)
    try:
        if not video.isOpened():
            raise ValueError(f"{path} is not a readable video ({path.stat().st_size} bytes); {AGAIN}")
        # A rotation that the file asks for is not applied: masks know nothing of it.
        video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        yield video
    finally:
        video.release()


def length(path: Path) -> int:
    """How many frames the file says it has; nothing is decoded."""
    with opened(path) as video:
        return int(video.get(cv2.CAP_PROP_FRAME_COUNT))


def size(path: Path) -> tuple[int, int]:
    """Height and width from the file's header."""
    with opened(path) as video:
        return int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(video.get(cv2.CAP_PROP_FRAME_WIDTH))


def frames(path: Path, indices: tuple[int, ...]) -> Frames:
    """[T, H, W, 3] RGB of the frames `indices`, counted from 0, in any order and as often as they are named."""
    found: dict[int, Frames] = {}
    with opened(path) as video:
        for index in range(max(indices) + 1):
            if not video.grab():
                raise ValueError(f"{path} ends after {index} frames, frame {max(indices) + 1} is needed; {AGAIN}")
            if index in indices:
                _, image = video.retrieve()
                found[index] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return np.stack([found[index] for index in indices])
