"""A video with a mask laid over its frames, for whoever looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vdit.video import Frames, Masks

COLOUR = (236, 95, 103)
SHARE = 0.5  # of the colour in a pixel of the mask
CODEC = "mp4v"  # MPEG-4 part 2, which every build of OpenCV writes


class Overlay:
    """An mp4 that grows frame by frame."""

    def __init__(self, path: Path, rate: float, height: int, width: int) -> None:
        self.writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), rate, (width, height))
        if not self.writer.isOpened():
            raise OSError(f"{path} cannot be written as an mp4 of {width}x{height} at {rate:g} frames a second; free some disk space")

    def add(self, frames: Frames, masks: Masks) -> None:
        for frame, mask in zip(frames, masks, strict=True):
            self.writer.write(cv2.cvtColor(blend(frame, mask), cv2.COLOR_RGB2BGR))


@contextmanager
def overlay(path: Path, rate: float, height: int, width: int) -> Iterator[Overlay]:
    """Open for as long as the block lasts. The codec wants even sides: the last row or column of an odd one is left out.

    Raises OSError where it cannot be written.
    """
    growing = Overlay(path, rate, height, width)
    try:
        yield growing
    finally:
        growing.writer.release()


def blend(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The frame, [H, W, 3] RGB, with its mask in colour and the mask's edge in full colour."""
    shown = frame.copy()
    mixed = (1 - SHARE) * frame[mask] + SHARE * np.array(COLOUR)
    shown[mask] = np.rint(mixed).astype(np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    shown[mask & ~inner] = COLOUR
    return shown
