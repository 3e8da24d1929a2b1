"""Masks of COCO's results counted in their run lengths, without drawing a pixel.

COCO's library trusts what it is given: of run lengths that do not fill the image it reads memory that is not theirs, and two that have an
empty run at the same place it takes to end there. So everything is checked first, and what is unusual is written anew.
"""

from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from vdit.benchmarks._outlines import Encoded, Polygon, Runs, encode, lengths
from vdit.metrics._packed import compiled

SHIFT, FIVE_BITS, MORE, SIGN, CHARACTERS = 5, 31, 32, 16, 64
ZERO = ord("0")


class Outline(NamedTuple):
    """A mask that was checked: its run lengths as COCO's library takes them, and how many pixels it has."""

    runs: Encoded
    pixels: int


def checked(segmentation: list[Polygon] | Runs, height: int, width: int) -> Outline:
    """Raises ValueError, to be read behind the name of the segmentation, where it is damaged."""
    if not isinstance(segmentation, Runs):
        return _counted(encode(segmentation, height, width))
    if isinstance(segmentation.counts, str) and segmentation.size == (height, width) and segmentation.counts.isascii():
        text = segmentation.counts.encode()
        pixels = _pixels(np.frombuffer(text, np.uint8), height * width)
        if pixels >= 0:
            return Outline({"size": [height, width], "counts": text}, pixels)
    return _counted(encode(Runs(segmentation.size, _joined(lengths(segmentation, height, width))), height, width))


def intersection(one: Outline, other: Outline) -> int:
    """The number of pixels in both."""
    return int(mask.area(mask.merge([one.runs, other.runs], intersect=True)))


def _counted(runs: Encoded) -> Outline:
    return Outline(runs, int(mask.area(runs)))


@compiled
def _pixels(text: NDArray[np.uint8], image: int) -> int:
    """How many pixels compressed run lengths have inside of the object, of an image with so many.

    -1 where they are not whole, do not fill the image, or one but the first is empty. The format is that of benchmarks/_outlines.py, which
    says what is wrong with them.
    """
    last, before, total, inside, runs = 0, 0, 0, 0, 0
    value, shift = 0, 0
    for character in text:
        bits = int(character) - ZERO
        # Longer numbers than any image has would overflow.
        if not 0 <= bits < CHARACTERS or shift > 50:
            return -1
        value |= (bits & FIVE_BITS) << shift
        shift += SHIFT
        if bits & MORE:
            continue
        if bits & SIGN:
            value -= 1 << shift
        if runs > 2:
            value += before
        if value < 0 or (value == 0 and runs):
            return -1
        before, last = last, value
        total += value
        inside += value * (runs & 1)
        runs += 1
        value, shift = 0, 0
    return inside if shift == 0 and total == image else -1


def _joined(runs: list[int]) -> list[int]:
    """The same pixels without empty runs between others: what stands on their two sides is one run."""
    inside = [(place % 2, length) for place, length in enumerate(runs) if length]
    joined = [(which, sum(length for _, length in group)) for which, group in groupby(inside, key=lambda run: run[0])]
    starts_inside = bool(joined) and joined[0][0] == 1
    return [0] * starts_inside + [length for _, length in joined]
