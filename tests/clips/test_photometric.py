"""Colour changes: ranges, clipping, how often, and saturation against its closed form."""

import numpy as np
import pytest

from vdit.clips import photometric


def test_saturation_moves_each_channel_towards_or_from_the_greatest() -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (20, 20, 3)).astype(np.float32)
    for factor in (0.8, 1.0, 1.2):
        value = pixels.max(axis=-1, keepdims=True)
        spread = value - pixels.min(axis=-1, keepdims=True)
        expected = value - (value - pixels) * np.minimum(factor, value / spread)
        assert np.abs(photometric.saturation(pixels, factor) - expected).max() < 0.01


def test_contrast_multiplies_and_clips() -> None:
    pixels = np.array([[[10, 100, 250]]], np.float32)
    assert photometric.contrast(pixels, 1.5).tolist() == [[[15, 150, 255]]]


def test_nothing_wraps_round() -> None:
    white, black = np.full((200, 4, 4, 3), 255, np.uint8), np.zeros((200, 4, 4, 3), np.uint8)
    rng = np.random.default_rng(0)
    assert photometric.distort(white, rng).min() >= (255 - 32) * 0.8 * 0.99
    assert photometric.distort(black, rng).max() <= 32 * 1.2 * 1.01


def test_steps_are_taken_as_often_as_the_paper_does() -> None:
    grey = np.full((4000, 2, 2, 3), 100, np.uint8)
    out = photometric.distort(grey, np.random.default_rng(0))[:, 0, 0, 0].astype(int)
    # Grey has no saturation and no channel order: it stays when neither brightness nor contrast acts, 1/4, and when they round away.
    assert np.mean(out == 100) == pytest.approx(0.25 + 0.25 / 64 + 0.25 / 40, abs=0.03)
    assert out.min() >= (100 - 32) * 0.8 - 1 and out.max() <= (100 + 32) * 1.2 + 1


def test_channels_change_places_in_a_sixth_of_the_frames() -> None:
    red = np.zeros((4000, 1, 1, 3), np.uint8)
    red[..., 0], red[..., 1] = 200, 100
    out = photometric.distort(red, np.random.default_rng(0))[:, 0, 0].astype(int)
    kept = (out[:, 0] > out[:, 1]) & (out[:, 1] > out[:, 2])
    assert np.mean(~kept) == pytest.approx(0.2 * 5 / 6, abs=0.025)


def test_frames_of_a_clip_are_drawn_apart_and_from_the_generator_alone() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    same = np.repeat(frames[:1], 6, axis=0)
    out = photometric.distort(same, np.random.default_rng(3))
    assert len({frame.tobytes() for frame in out}) > 2
    assert np.array_equal(out, photometric.distort(same, np.random.default_rng(3)))
