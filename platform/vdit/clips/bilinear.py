"""Pillow's bilinear resize several times as fast, to the same pixels: the filter that the released model was trained with.

The filter is a triangle that widens when it shrinks a picture, in whole numbers of 2**-22; columns come first, rows second, and between
them values are rounded to bytes. (Where the scales of the axes are far apart Pillow may take the rows first: a grey level's difference.)
Here both passes blend whole rows, which the compiler vectorises: for the columns the frame is turned over, with a fourth byte to each
pixel, as OpenCV turns pixels of four bytes five times as fast as those of three.

T frames, H W pixels, K weights of a place.
"""

import math
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from vdit.video import Frames

Frame: TypeAlias = NDArray[np.uint8]  # [H, W, 3 or 4]

BITS = 22
ONE, HALF, SHIFT = 1 << BITS, np.int32(1 << (BITS - 1)), np.int32(BITS)
# So many rows are blended at once: all there are, unless a frame shrinks to less than two thirds.
TOGETHER = 4


class Window(NamedTuple):
    """A part of a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int


class Taps(NamedTuple):
    """What each place of an axis is blended of: the first place of the source, and the weights [., K] from there on."""

    first: NDArray[np.int64]
    weights_K: NDArray[np.int32]


def resize(frames: Frames, height: int, width: int, window: Window) -> Frames:
    """The `window` of the frames at `height` x `width`; what lies outside of it is not computed."""
    columns = taps(frames.shape[2], width, window.left, window.width)
    rows = taps(frames.shape[1], height, window.top, window.height)
    # Rows of the source that no row of the window needs are not blended either.
    start, end = int(rows.first[0]), min(frames.shape[1], int(rows.first[-1]) + rows.weights_K.shape[1])
    rows = Taps(rows.first - start, rows.weights_K)
    padded, turned = (np.empty((*size, 4), np.uint8) for size in ((end - start, frames.shape[2]), (frames.shape[2], end - start)))
    narrowed, upright = (np.empty((*size, 4), np.uint8) for size in ((window.width, end - start), (end - start, window.width)))
    narrow = np.empty((end - start, window.width, 3), np.uint8)
    resized = np.empty((len(frames), window.height, window.width, 3), np.uint8)
    for frame, out in zip(frames, resized, strict=True):
        cv2.cvtColor(frame[start:end], cv2.COLOR_RGB2RGBA, padded)
        blend(flat(cv2.transpose(padded, turned)), *columns, flat(narrowed))
        cv2.cvtColor(cv2.transpose(narrowed, upright), cv2.COLOR_RGBA2RGB, narrow)
        blend(flat(narrow), *rows, flat(out))
    return resized


def taps(source: int, target: int, start: int, count: int) -> Taps:
    """Of `count` places from `start` on, of an axis of `source` places that becomes one of `target`."""
    scale = source / target
    reach = max(scale, 1.0)
    centre = (np.arange(start, start + count) + 0.5) * scale
    first = np.maximum(np.floor(centre - reach + 0.5), 0).astype(np.int64)
    last = np.minimum(np.floor(centre + reach + 0.5), source).astype(np.int64)
    places_K = first[:, None] + np.arange(max(TOGETHER, 2 * math.ceil(reach) + 1))
    weights_K = np.maximum(1 - np.abs((places_K - centre[:, None] + 0.5) / reach), 0) * (places_K < last[:, None])
    weights_K /= weights_K.sum(axis=1, keepdims=True)
    whole_K = (weights_K * ONE + 0.5).astype(np.int32)
    used = max(TOGETHER, int(np.flatnonzero(whole_K.any(axis=0))[-1]) + 1)
    return Taps(first, np.ascontiguousarray(whole_K[:, :used]))


def flat(frame: Frame) -> NDArray[np.uint8]:
    """[H, W x 3 or 4], the same memory: it makes no difference to a row what its bytes mean."""
    return frame.reshape(len(frame), -1)


def _blend(source: NDArray[np.uint8], first: NDArray[np.int64], weights_K: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
    """Each row of `out` as the weighted sum of the source's rows from `first` on."""
    last = len(source) - 1
    total = np.empty(source.shape[1], np.int32)
    for row in range(len(out)):
        start, weights = first[row], weights_K[row]
        a, b, c, d = source[start], source[min(start + 1, last)], source[min(start + 2, last)], source[min(start + 3, last)]
        for place in range(len(total)):
            near, far = weights[0] * a[place] + weights[1] * b[place], weights[2] * c[place] + weights[3] * d[place]
            # Without the cast numba would add up in 64 bits, half as many at once.
            total[place] = np.int32(HALF + near + far)
        for tap in range(TOGETHER, len(weights)):
            pixels = source[min(start + tap, last)]
            for place in range(len(total)):
                total[place] += np.int32(weights[tap] * pixels[place])
        for place in range(len(total)):
            # The weights add up to one, but for roundings far below half a level: no value leaves a byte.
            out[row, place] = np.uint8(total[place] >> SHIFT)


# Compiled on first call and kept in numba's cache.
blend = njit(_blend, nogil=True, cache=True)
