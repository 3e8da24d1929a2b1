"""The resize against Pillow's, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from vdit.clips import bilinear
from vdit.clips.bilinear import Window
from vdit.video import Frames


def pillow(frames: Frames, height: int, width: int) -> Frames:
    return np.stack([np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR)) for frame in frames])


def noise(height: int, width: int) -> Frames:
    """With a white and a black frame: their values may not leave a byte."""
    frames = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    frames[1], frames[2] = 255, 0
    return frames


# The sizes of training and inference at 854x480 and at 720p, and shrinking by more than the kernel takes at once.
@pytest.mark.parametrize("size", [(288, 512), (360, 640), (400, 711), (500, 889), (600, 1067), (120, 213), (32, 57), (1, 1)])
def test_pixels_are_pillows(size: tuple[int, int]) -> None:
    frames = noise(480, 854)
    assert np.array_equal(bilinear.resize(frames, *size, Window(0, 0, *size)), pillow(frames, *size))


def test_axes_that_are_scaled_apart_differ_by_a_grey_level_at_most() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        height, width, *size = (int(side) for side in rng.integers(1, 90, 4))
        frames = noise(height, width)
        difference = bilinear.resize(frames, *size, Window(0, 0, *size)).astype(int) - pillow(frames, *size)
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("window", [Window(0, 0, 10, 20), Window(100, 200, 188, 312), Window(287, 511, 1, 1)])
def test_a_window_is_cut_from_the_whole(window: Window) -> None:
    frames, (top, left, height, width) = noise(480, 854), window
    whole = pillow(frames, 288, 512)
    assert np.array_equal(bilinear.resize(frames, 288, 512, window), whole[:, top : top + height, left : left + width])


def test_frames_need_not_be_contiguous() -> None:
    frames = noise(90, 120)[:, ::2, 3:]
    assert np.array_equal(bilinear.resize(frames, 30, 50, Window(0, 0, 30, 50)), pillow(frames, 30, 50))
