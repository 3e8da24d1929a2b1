"""Colour changes: ranges, clipping, how often, and saturation against its closed form."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vdit.clips import photometric
from vdit.clips.photometric import Change

PLAIN = Change(0.0, 1.0, 1.0, True, (0, 1, 2))


def applied(frame: np.ndarray, change: Change) -> np.ndarray:
    out = np.empty_like(frame)
    photometric.apply(frame, change, out)
    return out


def noise(height: int = 40, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_saturation_is_that_of_hsv(factor: float) -> None:
    """Oracle: OpenCV, there and back."""
    hsv = cv2.cvtColor(noise().astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 1)
    expected = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    assert np.abs(applied(noise(), replace(PLAIN, saturation=factor)) - expected).max() < 0.51


def test_grey_has_no_saturation_and_full_saturation_stays() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert np.array_equal(applied(grey, replace(PLAIN, saturation=1.2)), grey)
    red = np.array([[[200, 0, 0], [200, 100, 0]]], np.uint8)
    assert np.array_equal(applied(red, replace(PLAIN, saturation=1.2)), red)


def test_contrast_multiplies_and_clips() -> None:
    pixels = np.array([[[10, 100, 250]]], np.uint8)
    assert applied(pixels, replace(PLAIN, contrast=1.5)).tolist() == [[[15, 150, 255]]]
    assert applied(pixels, replace(PLAIN, contrast=1.5, brightness=-20.0)).tolist() == [[[0, 120, 255]]]


@pytest.mark.parametrize("contrast_first", [True, False])
@pytest.mark.parametrize("brightness", [-30.0, 25.0])
def test_all_steps_are_those_in_floating_point_one_after_another(contrast_first: bool, brightness: float) -> None:
    """Oracle: the closed form of each step; bright pixels are clipped in between, so that the order shows."""

    def contrast(pixels: np.ndarray) -> np.ndarray:
        return np.clip(pixels * 1.2, 0, 255)

    def saturation(pixels: np.ndarray) -> np.ndarray:
        value = pixels.max(axis=-1, keepdims=True)
        spread = np.maximum(value - pixels.min(axis=-1, keepdims=True), 1e-9)
        return value - (value - pixels) * np.minimum(1.15, value / spread)

    pixels = np.clip(noise().astype(float) + brightness, 0, 255)
    expected = saturation(contrast(pixels)) if contrast_first else contrast(saturation(pixels))
    drawn = applied(noise(), Change(brightness, 1.2, 1.15, contrast_first, (2, 0, 1)))
    assert np.abs(drawn - expected[..., [2, 0, 1]]).max() < 0.51


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
