"""Masks of COCO's results counted in their run lengths, without drawing a pixel.

COCO's library trusts what it is given: of run lengths that do not fill the image it reads memory that is not theirs, and two that have an
empty run at the same place it takes to end there. So everything is checked first, and what is unusual is written anew.
"""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from vdit.benchmarks._outlines import Encoded, Polygon, Runs, encode, lengths
from vdit.metrics._packed import compiled

SHIFT, FIVE_BITS, MORE, SIGN, CHARACTERS = 5, 31, 32, 16, 64
ZERO = ord("0")


def checked(segmentation: list[Polygon] | Runs, height: int, width: int) -> Encoded:
    """As COCO's library takes it. Raises ValueError, to be read behind the name of the segmentation, where it is damaged."""
    if not isinstance(segmentation, Runs):
        return encode(segmentation, height, width)
    if isinstance(segmentation.counts, str) and segmentation.size == (height, width) and segmentation.counts.isascii():
        text = segmentation.counts.encode()
        if _fills(np.frombuffer(text, np.uint8), height * width):
            return {"size": [height, width], "counts": text}
    return encode(Runs(segmentation.size, _joined(lengths(segmentation, height, width))), height, width)


def count(prediction: Encoded, truth: Encoded) -> tuple[int, int, int]:
    """Pixels of the intersection, of the prediction and of the truth."""
    intersection, own, other = mask.area([mask.merge([prediction, truth], intersect=True), prediction, truth])
    return int(intersection), int(own), int(other)


def area(outline: Encoded) -> int:
    """Its number of pixels."""
    return int(mask.area(outline))


@compiled
def _fills(text: NDArray[np.uint8], pixels: int) -> bool:
    """Whether compressed run lengths are whole, none but the first is empty, and together they have so many pixels.

    The format is that of benchmarks/_outlines.py, which says what is wrong where the answer is no.
    """
    last, before, total, runs = 0, 0, 0, 0
    value, shift = 0, 0
    for character in text:
        bits = int(character) - ZERO
        # Longer numbers than any image has would overflow.
        if not 0 <= bits < CHARACTERS or shift > 50:
            return False
        value |= (bits & FIVE_BITS) << shift
        shift += SHIFT
        if bits & MORE:
            continue
        if bits & SIGN:
            value -= 1 << shift
        if runs > 2:
            value += before
        if value < 0 or (value == 0 and runs):
            return False
        before, last = last, value
        total += value
        runs += 1
        value, shift = 0, 0
    return shift == 0 and total == pixels


def _joined(runs: list[int]) -> list[int]:
    """The same pixels without empty runs between others: what stands on their two sides is one run."""
    inside = [(place % 2, length) for place, length in enumerate(runs) if length]
    joined = [(which, sum(length for _, length in group)) for which, group in groupby(inside, key=lambda run: run[0])]
    starts_inside = bool(joined) and joined[0][0] == 1
    return [0] * starts_inside + [length for _, length in joined]
