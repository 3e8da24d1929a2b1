"""The yardstick of clips: one training view with Pillow, one frame at a time, step by step as the released training does it.

The draws are those of this project, so that both forms give the same view. What a step computes is written out here once more: nothing
of vdit/clips but the draws and the sampled frames is used.

T frames, H W pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.clips.draws import generator
from vdit.clips.sampling import choose
from vdit.config.data import Augment, Data

Pixels = NDArray[np.float32]
OBJECT = 1


@dataclass
class View:
    """One frame: picture, the object's mask (0 or 255) and its box."""

    image: Image.Image
    mask: Image.Image
    box: Pixels


def view(folder: Path, names: tuple[str, ...], start: int, data: Data, key: tuple[int, ...]) -> list[View]:
    """The clip around frame `start`, augmented by the draws of `key`; `folder` holds the JPEGImages and Annotations of one video."""
    indices = choose(len(names), start, data.frames, generator("frames", *key))
    rng = generator("augment", *key)
    if rng.random() < data.augment.reverse:
        indices = indices[::-1]
    return augment([load(folder, names[index]) for index in indices], data.augment, rng)


def load(folder: Path, name: str) -> View:
    with Image.open(folder / "JPEGImages/video" / f"{name}.jpg") as file:
        image = file.convert("RGB")
    with Image.open(folder / "Annotations/video" / f"{name}.png") as file:
        mask = np.array(file.convert("P")) == OBJECT
    rows, columns = np.where(mask.any(axis=1))[0], np.where(mask.any(axis=0))[0]
    box = [columns[0], rows[0], columns[-1], rows[-1]] if len(rows) else [0, 0, 0, 0]
    return View(image, Image.fromarray(mask.astype(np.uint8) * 255), np.array(box, np.float32))


def augment(clip: list[View], config: Augment, rng: np.random.Generator) -> list[View]:
    if rng.random() < 0.5:
        short = int(rng.choice(config.crop_scales))
        clip = [resize(one, short, 0) for one in clip]
        width, height = (int(rng.integers(min(config.crop[0], side), min(config.crop[1], side) + 1)) for side in clip[0].image.size)
        top = int(rng.integers(clip[0].image.height - height + 1))
        left = int(rng.integers(clip[0].image.width - width + 1))
        clip = [crop(one, top, left, height, width) for one in clip]
        short = int(rng.choice(config.cropped_scales))
        clip = [resize(one, short, config.cropped_max_side) for one in clip]
    else:
        short = int(rng.choice(config.scales))
        clip = [resize(one, short, config.max_side) for one in clip]
    if rng.random() < config.flip:
        clip = [flip(one) for one in clip]
    if config.photometric:
        clip = [View(distort(one.image, rng), one.mask, one.box) for one in clip]
    return clip


def resize(one: View, short: int, most: int) -> View:
    width, height = one.image.size
    least, greatest = min(width, height), max(width, height)
    if most and greatest / least * short > most:
        short = round(most * least / greatest)
    size = (short, int(short * height / width)) if width < height else (int(short * width / height), short)
    ratio = np.array([size[0] / width, size[1] / height] * 2, np.float32)
    image, mask = one.image.resize(size, Image.Resampling.BILINEAR), one.mask.resize(size, Image.Resampling.NEAREST)
    return View(image, mask, one.box * ratio)


def crop(one: View, top: int, left: int, height: int, width: int) -> View:
    window = (left, top, left + width, top + height)
    box = np.clip(one.box - np.array([left, top, left, top], np.float32), 0, np.array([width, height] * 2, np.float32))
    return View(one.image.crop(window), one.mask.crop(window), box)


def flip(one: View) -> View:
    x1, y1, x2, y2 = one.box
    box = np.array([one.image.width - x2, y1, one.image.width - x1, y2], np.float32)
    side = Image.Transpose.FLIP_LEFT_RIGHT
    return View(one.image.transpose(side), one.mask.transpose(side), box)


def distort(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Step by step in floating point, saturation through HSV; clipped after each step."""
    pixels = np.asarray(image).astype(np.float32)
    if rng.random() < 0.5:
        pixels = np.clip(pixels + np.float32(rng.uniform(-32, 32)), 0, 255)
    contrast_first = rng.random() < 0.5
    for contrast in (contrast_first, not contrast_first):
        if rng.random() < 0.5:
            factor = np.float32(rng.uniform(0.8, 1.2))
            pixels = np.clip(pixels * factor, 0, 255) if contrast else saturate(pixels, factor)
    if rng.random() < 0.2:
        pixels = pixels[..., rng.permutation(3)]
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def saturate(pixels: Pixels, factor: np.float32) -> Pixels:
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 1)
    saturated: Pixels = np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), 0, 255)
    return saturated


def sample(clip: list[View]) -> tuple[NDArray[np.uint8], NDArray[np.bool_], Pixels]:
    """Frames [T, H, W, 3], masks [T, H, W] and boxes [T, 4], as a training step takes them; nothing is left of a box without its object."""
    frames, masks = np.stack([np.asarray(one.image) for one in clip]), np.stack([np.asarray(one.mask) > 0 for one in clip])
    seen = [one.box[2] > one.box[0] and one.box[3] > one.box[1] and mask.any() for one, mask in zip(clip, masks, strict=True)]
    return frames, masks, np.stack([one.box for one in clip]) * np.array(seen, np.float32)[:, None]
