"""Brightness, contrast, saturation and channel order, drawn for each frame anew (spec section 5: PhotometricDistort).

The released code wraps round where a value leaves 0..255 after its last step; here every step is clipped (spec B7). It goes through HSV to
scale a saturation. With hue and value fixed that moves each channel on the line to the greatest one, which needs no HSV: one pass over the
pixels takes all steps, and where none is a saturation a table of 256 values does.

H W pixels.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vdit.video import Frames

Frame: TypeAlias = NDArray[np.uint8]  # [H, W, 3], RGB
Planes: TypeAlias = NDArray[np.uint8]  # [3, H x W]

BRIGHTNESS = 32.0
SCALE = (0.8, 1.2)
# How often each step is taken, and how often the channels are permuted (one permutation in six is the identity).
STEP, PERMUTE = 0.5, 0.2
IN_ORDER = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a frame: brightness is added, contrast and saturation are factors, `channels` where red, green and blue come from."""

    brightness: float
    contrast: float
    saturation: float
    contrast_first: bool
    channels: tuple[int, ...]


def distort(frames: Frames, rng: np.random.Generator) -> Frames:
    """Each frame with its own draws."""
    changed = np.empty_like(frames, order="C")
    for frame, out in zip(np.ascontiguousarray(frames), changed, strict=True):
        apply(frame, draw(rng), out)
    return changed


def draw(rng: np.random.Generator) -> Change:
    """Brightness; then contrast and saturation in a random order; then a permutation of the channels: each drawn only where it is taken."""
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS) if rng.random() < STEP else 0.0
    contrast_first = bool(rng.random() < 0.5)
    first, second = (rng.uniform(*SCALE) if rng.random() < STEP else 1.0 for _ in range(2))
    contrast, saturation = (first, second) if contrast_first else (second, first)
    channels = tuple(int(channel) for channel in rng.permutation(3)) if rng.random() < PERMUTE else IN_ORDER
    return Change(brightness, contrast, saturation, contrast_first, channels)


def apply(frame: Frame, change: Change, out: Frame) -> None:
    """Write the frame after all steps, rounded once, to `out`; both are contiguous."""
    if change.saturation != 1:
        saturate(frame, change, out)
        return
    brightened = np.clip(np.arange(256, dtype=np.float32) + np.float32(change.brightness), 0, 255)
    contrasted = np.clip(brightened * np.float32(change.contrast), 0, 255)
    cv2.LUT(permuted(frame, change.channels), np.rint(contrasted).astype(np.uint8), out)


def saturate(frame: Frame, change: Change, out: Frame) -> None:
    """Channel by channel, each in its place: so the compiler can take many pixels at once."""
    planes, changed = np.empty((2, len(IN_ORDER), *frame.shape[:2]), np.uint8)
    cv2.split(frame, [planes[change.channels.index(channel)] for channel in IN_ORDER])
    before, after = (change.contrast, 1.0) if change.contrast_first else (1.0, change.contrast)
    steps_4 = np.array([change.brightness, before, change.saturation, after], np.float32)
    scale(planes.reshape(len(IN_ORDER), -1), steps_4, changed.reshape(len(IN_ORDER), -1))
    cv2.merge(list(changed), out)


def permuted(frame: Frame, channels: tuple[int, ...]) -> Frame:
    """No step but this one tells the channels apart, so it may as well come first."""
    if channels == IN_ORDER:
        return frame
    out = np.empty_like(frame, order="C")
    cv2.mixChannels([frame], [out], [place for pair in zip(channels, IN_ORDER, strict=True) for place in pair])
    return out


def _scale(planes: Planes, steps_4: NDArray[np.float32], out: Planes) -> None:
    """Brightness is added, then a factor, then S of HSV is scaled, then a factor."""
    brightness, before, saturation, after = steps_4
    black, white, half, least = np.float32(0), np.float32(255), np.float32(0.5), np.float32(1e-3)
    for place in range(planes.shape[1]):
        red = min(max(min(max(np.float32(planes[0, place]) + brightness, black), white) * before, black), white)
        green = min(max(min(max(np.float32(planes[1, place]) + brightness, black), white) * before, black), white)
        blue = min(max(min(max(np.float32(planes[2, place]) + brightness, black), white) * before, black), white)
        value = max(red, green, blue)
        # The least channel may not fall below zero: S ends at 1. Grey stays grey, whatever it is divided by.
        factor = min(saturation, value / max(value - min(red, green, blue), least))
        # By way of a whole number of 32 bits, or each is converted alone.
        out[0, place] = np.uint8(np.int32(min((value - (value - red) * factor) * after, white) + half))
        out[1, place] = np.uint8(np.int32(min((value - (value - green) * factor) * after, white) + half))
        out[2, place] = np.uint8(np.int32(min((value - (value - blue) * factor) * after, white) + half))


# Compiled on first call and kept in numba's cache.
scale = njit(_scale, nogil=True, cache=True)
