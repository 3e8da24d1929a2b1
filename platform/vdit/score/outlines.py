"""Masks of COCO's results counted in their run lengths, without drawing a pixel.

COCO's library trusts what it is given: of run lengths that do not fill the image it reads memory that is not theirs, and two that have an
empty run at the same place it takes to end there. So they are read here, checked, and compared.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdit.benchmarks._outlines import Polygon, Runs, encode, lengths
from vdit.metrics._packed import compiled

SHIFT, FIVE_BITS, MORE, SIGN, CHARACTERS = 5, 31, 32, 16, 64
ZERO = ord("0")


class Outline(NamedTuple):
    """A mask that was checked: where each of its runs ends, the first one outside of the object, and how many pixels it has."""

    ends: NDArray[np.int64]
    pixels: int


def checked(segmentation: list[Polygon] | Runs, height: int, width: int) -> Outline:
    """Raises ValueError, to be read behind the name of the segmentation, where it is damaged."""
    if not isinstance(segmentation, Runs):
        return _outline(_ends(np.frombuffer(encode(segmentation, height, width)["counts"], np.uint8), height * width))
    if isinstance(segmentation.counts, str) and segmentation.size == (height, width) and segmentation.counts.isascii():
        ends = _ends(np.frombuffer(segmentation.counts.encode(), np.uint8), height * width)
        if len(ends):
            return _outline(ends)
    # Plain lengths, or a string of which this says what is wrong.
    return _outline(np.cumsum(lengths(segmentation, height, width), dtype=np.int64))


def intersection(one: Outline, other: Outline) -> int:
    """The number of pixels in both."""
    return int(_common(one.ends, other.ends))


def _outline(ends: NDArray[np.int64]) -> Outline:
    return Outline(ends, int(_common(ends, ends)))


@compiled
def _common(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """Pixels in both, by walking both from end to end of a run; an empty run ends where the one before does."""
    first, second, start, total = 0, 0, 0, 0
    while first < one.size and second < other.size:
        end = min(one[first], other[second])
        if first & second & 1:
            total += end - start
        start = end
        if one[first] == end:
            first += 1
        if other[second] == end:
            second += 1
    return total


@compiled
def _ends(text: NDArray[np.uint8], image: int) -> NDArray[np.int64]:
    """Where the runs of compressed run lengths end, of an image with so many pixels; empty where they are not whole or do not fill it.

    The format is that of benchmarks/_outlines.py, which says what is wrong with them.
    """
    ends = np.empty(text.size, np.int64)
    last, before, total, runs = 0, 0, 0, 0
    value, shift = 0, 0
    for character in text:
        bits = int(character) - ZERO
        # Longer numbers than any image has would overflow.
        if not 0 <= bits < CHARACTERS or shift > 50:
            return ends[:0]
        value |= (bits & FIVE_BITS) << shift
        shift += SHIFT
        if bits & MORE:
            continue
        if bits & SIGN:
            value -= 1 << shift
        if runs > 2:
            value += before
        if value < 0:
            return ends[:0]
        before, last = last, value
        total += value
        ends[runs] = total
        runs += 1
        value, shift = 0, 0
    return ends[:runs].copy() if shift == 0 and total == image else ends[:0]
