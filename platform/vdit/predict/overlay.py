"""A video with a mask laid over its frames, for whoever looks at it."""

import errno
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
SIDE = 2  # the least that it takes
TICKS = 2**16 - 1  # the most that it counts in a second


class Overlay:
    """An mp4 that grows frame by frame."""

    def __init__(self, path: Path, rate: float, height: int, width: int) -> None:
        held, size = writable(rate), (max(SIDE, width), max(SIDE, height))
        self.writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), held, size)
        if not self.writer.isOpened():
            raise OSError(f"{path} cannot be written as an mp4 of {width}x{height} at {held:g} frames a second{reason(path)}")

    def add(self, frames: Frames, masks: Masks) -> None:
        for frame, mask in zip(frames, masks, strict=True):
            self.writer.write(cv2.cvtColor(wide(blend(frame, mask)), cv2.COLOR_RGB2BGR))


@contextmanager
def overlay(path: Path, rate: float, height: int, width: int) -> Iterator[Overlay]:
    """Open for as long as the block lasts. The codec wants even sides: the last row or column of an odd one is left out,
    an only one is doubled. A rate that an mp4 does not hold becomes the nearest one that it does.

    Raises OSError where it cannot be written.
    """
    growing = Overlay(path, rate, height, width)
    try:
        yield growing
    finally:
        growing.writer.release()


def writable(rate: float) -> float:
    """The nearest rate that the codec counts in: as many thousandths, hundredths, ... of a frame a second as 16 bits hold."""
    bounded = min(max(rate, 0.01), TICKS)
    places = next(places for places in (3, 2, 1, 0) if round(bounded, places) * 10**places <= TICKS)
    return round(bounded, places)


def reason(path: Path) -> str:
    """Why a file cannot be written there, as far as the system says."""
    try:
        path.write_bytes(bytes(1))
    except OSError as error:
        return f" ({error.strerror})" + ("; free some disk space" if error.errno == errno.ENOSPC else "; mend that or name another --out")
    path.unlink()
    return "; resize the video, or give it another rate"


def wide(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An only row or column is doubled."""
    below, right = (max(0, SIDE - side) for side in frame.shape[:2])
    return np.pad(frame, ((0, below), (0, right), (0, 0)), mode="edge")


def blend(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The frame, [H, W, 3] RGB, with its mask in colour and the mask's edge in full colour."""
    shown = frame.copy()
    mixed = (1 - SHARE) * frame[mask] + SHARE * np.array(COLOUR)
    shown[mask] = np.rint(mixed).astype(np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    shown[mask & ~inner] = COLOUR
    return shown
