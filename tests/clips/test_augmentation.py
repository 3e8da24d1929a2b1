"""One random view of a clip: sizes, flips and captions against the specification."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from vdit.clips import geometry
from vdit.clips.augmentation import augment, random_window
from vdit.clips.geometry import Clip
from vdit.config.data import Augment


def clip(height: int, width: int) -> Clip:
    """Left half black, right half white; the mask is a block on the left."""
    frames = np.zeros((1, height, width, 3), np.uint8)
    frames[:, :, width // 2 :] = 255
    masks = np.zeros((1, height, width), bool)
    masks[:, height // 4 : height // 2, : width // 3] = True
    return geometry.measure(frames, masks, "inclusive")


def test_sides_are_scales_or_bounded_by_the_longest_side() -> None:
    config, rng = Augment(photometric=False), np.random.default_rng(0)
    for _ in range(60):
        out, _ = augment(clip(120, 160), "", config, rng)
        short, most = min(out.height, out.width), max(out.height, out.width)
        assert (short in config.scales and most <= 640) or most == 640


def test_the_crop_branch_is_taken_every_second_time() -> None:
    config, rng = Augment(photometric=False, flip=0.0), np.random.default_rng(1)
    small = replace(config, scales=(48,), crop_scales=(40,), crop=(20, 50), cropped_scales=(48,))
    whole = [augment(clip(30, 40), "", small, rng)[0].frames.shape[1:3] == (48, 64) for _ in range(200)]
    assert np.mean(whole) == pytest.approx(0.5, abs=0.12)


def test_a_window_ends_at_scales_and_a_longest_side_of_its_own() -> None:
    rng = np.random.default_rng(5)
    config = Augment(
        photometric=False, scales=(48,), max_side=100, crop_scales=(40,), crop=(20, 50), cropped_scales=(24, 28), cropped_max_side=36
    )
    outs = [augment(clip(30, 40), "", config, rng)[0] for _ in range(200)]
    windows = [(out.height, out.width) for out in outs if (out.height, out.width) != (48, 64)]
    assert 70 <= len(windows) <= 130
    # A longer edge is cut to a whole number, and so may end one short of its bound.
    assert all(min(sides) in (24, 28) or max(sides) in (35, 36) for sides in windows)
    assert {min(sides) for sides in windows} > {24, 28} and max(max(sides) for sides in windows) == 36


def test_by_default_a_window_ends_at_the_same_scales_as_the_whole() -> None:
    assert (Augment().cropped_scales, Augment().cropped_max_side) == (Augment().scales, Augment().max_side)


def test_crop_sides_are_uniform_up_to_the_frame() -> None:
    rng = np.random.default_rng(2)
    windows = [random_window(40, 60, (38, 45), rng) for _ in range(900)]
    assert set(Counter(window.height for window in windows)) == {38, 39, 40}
    widths = Counter(window.width for window in windows)
    assert set(widths) == set(range(38, 46)) and max(widths.values()) < 1.6 * min(widths.values())
    assert {random_window(20, 60, (38, 45), rng).height for _ in range(20)} == {20}


def test_windows_are_within_the_frame_and_reach_each_edge() -> None:
    rng = np.random.default_rng(6)
    windows = [random_window(40, 60, (30, 45), rng) for _ in range(900)]
    assert min(window.top for window in windows) == min(window.left for window in windows) == 0
    assert max(window.top + window.height for window in windows) == 40
    assert max(window.left + window.width for window in windows) == 60


def test_text_is_mirrored_exactly_when_the_picture_is() -> None:
    rng, flips = np.random.default_rng(3), 0
    config = Augment(scales=(), photometric=False)
    for _ in range(200):
        out, text = augment(clip(20, 30), "the bright one on the left", config, rng)
        flipped = bool(out.frames[0, 0, 0, 0])
        assert text == ("the bright one on the right" if flipped else "the bright one on the left")
        assert bool(out.masks[0, 5, 0]) != flipped
        flips += flipped
    assert 70 <= flips <= 130


def test_without_scales_frames_keep_their_size_and_there_is_no_crop() -> None:
    rng = np.random.default_rng(4)
    outs = [augment(clip(20, 30), "", Augment(scales=(), crop=(5, 10)), rng)[0] for _ in range(40)]
    assert {out.frames.shape for out in outs} == {(1, 20, 30, 3)}
    assert {int(out.masks.sum()) for out in outs} == {5 * 10}
