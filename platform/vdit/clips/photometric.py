"""Brightness, contrast, saturation and channel order, drawn for each frame anew (spec section 5: PhotometricDistort).

The released code wraps round where a value leaves 0..255 after its last step; here every step is clipped (spec B7).
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vdit.video import Frames

Pixels: TypeAlias = NDArray[np.float32]  # [H, W, 3], RGB, 0 to 255

BRIGHTNESS = 32.0
SCALE = (0.8, 1.2)
# How often each step is taken, and how often the channels are permuted (one permutation in six is the identity).
STEP, PERMUTE = 0.5, 0.2


def distort(frames: Frames, rng: np.random.Generator) -> Frames:
    """Each frame with its own draws."""
    return np.stack([distort_frame(frame, rng) for frame in frames])


def distort_frame(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness; then contrast and saturation in a random order; then a permutation of the channels."""
    pixels: Pixels = frame.astype(np.float32)
    if rng.random() < STEP:
        pixels = np.clip(pixels + np.float32(rng.uniform(-BRIGHTNESS, BRIGHTNESS)), 0, 255)
    steps = (contrast, saturation) if rng.random() < 0.5 else (saturation, contrast)
    for step in steps:
        if rng.random() < STEP:
            pixels = step(pixels, float(rng.uniform(*SCALE)))
    if rng.random() < PERMUTE:
        pixels = pixels[..., rng.permutation(3)]
    return np.rint(pixels).astype(np.uint8)


def contrast(pixels: Pixels, factor: float) -> Pixels:
    scaled: Pixels = np.clip(pixels * np.float32(factor), 0, 255)
    return scaled


def saturation(pixels: Pixels, factor: float) -> Pixels:
    """Scale the S of HSV; hue and value stay."""
    hsv: Pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * np.float32(factor), 0, 1)
    scaled: Pixels = np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), 0, 255)
    return scaled
