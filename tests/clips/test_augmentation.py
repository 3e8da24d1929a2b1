"""One random view of a clip: sizes, flips and captions against the specification."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from vdit.clips import geometry
from vdit.clips.augmentation import augment, random_crop
from vdit.clips.geometry import Clip
from vdit.config.data import Augment


def clip(height: int, width: int) -> Clip:
    """Left half black, right half white; the mask is a block on the left."""
    frames = np.zeros((1, height, width, 3), np.uint8)
    frames[:, :, width // 2 :] = 255
    masks = np.zeros((1, height, width), bool)
    masks[:, height // 4 : height // 2, : width // 3] = True
    return geometry.measure(frames, masks)


def test_sides_are_scales_or_bounded_by_the_longest_side() -> None:
    config, rng = Augment(photometric=False), np.random.default_rng(0)
    for _ in range(60):
        out, _ = augment(clip(120, 160), "", config, rng)
        short, most = min(out.height, out.width), max(out.height, out.width)
        assert (short in config.scales and most <= 640) or most == 640


def test_the_crop_branch_is_taken_every_second_time() -> None:
    config, rng = Augment(photometric=False, flip=0.0), np.random.default_rng(1)
    small = replace(config, scales=(48,), crop_scales=(40,), crop=(20, 50))
    whole = [augment(clip(30, 40), "", small, rng)[0].frames.shape[1:3] == (48, 64) for _ in range(200)]
    assert np.mean(whole) == pytest.approx(0.5, abs=0.12)


def test_crop_sides_are_uniform_up_to_the_frame() -> None:
    rng = np.random.default_rng(2)
    outs = [random_crop(clip(40, 60), (38, 45), rng) for _ in range(900)]
    assert set(Counter(out.height for out in outs)) == {38, 39, 40}
    widths = Counter(out.width for out in outs)
    assert set(widths) == set(range(38, 46)) and max(widths.values()) < 1.6 * min(widths.values())
    assert {random_crop(clip(20, 60), (38, 45), rng).height for _ in range(20)} == {20}


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
