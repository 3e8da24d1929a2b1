"""Resize, crop and flip of a whole clip: frames, masks and boxes together (spec section 5: Augmentation).

T frames, H W pixels. Boxes are x1 y1 x2 y2 in pixels from the masks' first pixel to their last, or to the one behind it (data.boxes). They
are measured once on the original masks and carried along, so after a resize they may differ from the masks' own extents by a pixel.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vdit.clips import bilinear
from vdit.clips.bilinear import Window
from vdit.config.data import Extent
from vdit.video import Frames, Masks

LEFT_TO_RIGHT = 1  # as OpenCV names an axis


@dataclass(frozen=True, slots=True)
class Clip:
    """The frames, the object's masks and their boxes; a box is zero where the mask is empty."""

    frames: Frames
    masks: Masks
    boxes_T4: NDArray[np.float32]

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])


def measure(frames: Frames, masks: Masks, boxes: Extent) -> Clip:
    """The clip with its boxes. Inclusive ones, as released, have no width where the object is one pixel wide (spec B8)."""
    behind = int(boxes == "exclusive")
    boxes_T4 = np.zeros((len(masks), 4), np.float32)
    for box_4, mask in zip(boxes_T4, masks, strict=True):
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        if width:
            box_4[:] = left, top, left + width - 1 + behind, top + height - 1 + behind
    return Clip(frames, masks, boxes_T4)


def fit(height: int, width: int, short_side: int, max_side: int) -> tuple[int, int]:
    """Height and width with the shorter edge at `short_side`, unless the longer would pass `max_side` (0: no bound); DETR's rule.

    The longer edge is cut to a whole number, the shorter one under a bound is rounded.
    """
    least, most = min(height, width), max(height, width)
    if max_side and most / least * short_side > max_side:
        short_side = round(max_side * least / most)
    if width < height:
        return int(short_side * height / width), short_side
    return short_side, int(short_side * width / height)


def resize(clip: Clip, height: int, width: int, window: Window | None = None) -> Clip:
    """Bilinear frames as Pillow's, nearest masks; with `window` only that part of them, in pixels of the new size.

    The bilinear filter widens when it shrinks, as in the released model's training; OpenCV's aliases. The nearest pixel is that under the
    centre, so that masks stay aligned with frames.
    """
    if (height, width) == (clip.height, clip.width):
        return clip if window is None else crop(clip, window)
    part = window or Window(0, 0, height, width)
    rows = ((np.arange(part.top, part.top + part.height) + 0.5) * clip.height / height).astype(np.int64)
    columns = ((np.arange(part.left, part.left + part.width) + 0.5) * clip.width / width).astype(np.int64)
    # One axis after the other: both at once take four times as long.
    masks = clip.masks.take(rows, axis=1).take(columns, axis=2)
    ratio_4 = np.array([width / clip.width, height / clip.height] * 2, np.float32)
    return Clip(bilinear.resize(clip.frames, height, width, part), masks, cut(clip.boxes_T4 * ratio_4, part))


def crop(clip: Clip, window: Window) -> Clip:
    """The window of the clip; boxes are cut at its edges, and shrink to nothing outside of it."""
    top, left, height, width = window
    part = (slice(None), slice(top, top + height), slice(left, left + width))
    return Clip(clip.frames[part], clip.masks[part], cut(clip.boxes_T4, window))


def cut(boxes_T4: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """The boxes in pixels of the window."""
    top, left, height, width = window
    shifted_T4 = boxes_T4 - np.array([left, top, left, top], np.float32)
    return np.clip(shifted_T4, 0, np.array([width, height, width, height], np.float32))


def flip(clip: Clip) -> Clip:
    """Left to right. Boxes are mirrored at the frame's width, as released; the caption must be mirrored with them (caption.mirror)."""
    x1, y1, x2, y2 = clip.boxes_T4.T
    boxes_T4 = np.stack([clip.width - x2, y1, clip.width - x1, y2], axis=1)
    frames, masks = np.empty_like(clip.frames, order="C"), np.empty_like(clip.masks, order="C")
    for source, target in ((clip.frames, frames), (clip.masks.view(np.uint8), masks.view(np.uint8))):
        for picture, out in zip(source, target, strict=True):
            cv2.flip(picture, LEFT_TO_RIGHT, out)
    return Clip(frames, masks, boxes_T4)


def check(clip: Clip) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes [T, 4], zero where not valid, and validity [T]: the object is seen in the frame, and its box has a width and a height.

    The released check looks at the box alone; here the mask must also have a pixel left, which a crop or a resize can take away.
    """
    x1, y1, x2, y2 = clip.boxes_T4.T
    valid_T = (x2 > x1) & (y2 > y1) & clip.masks.any(axis=(1, 2))
    return np.where(valid_T[:, None], clip.boxes_T4, np.float32(0)), valid_T
