"""Contour accuracy F: boundary pixels that lie within a tolerance of the other boundary (DAVIS 2016, Section 5; the F of Table 1)."""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._contour_kernel import count_frames
from vdit.metrics._packed import Labels, Words, pack, split
from vdit.video import Masks

UNIT = "ratio in [0, 1]"

# Of the image diagonal: the public evaluators' bound_th.
TOLERANCE = 0.008


class Counts(NamedTuple):
    """Pixels per frame, int64 [T]: everything J and F are made of."""

    area_prediction: NDArray[np.int64]
    area_truth: NDArray[np.int64]
    intersection: NDArray[np.int64]
    boundary_prediction: NDArray[np.int64]
    boundary_truth: NDArray[np.int64]
    matched_prediction: NDArray[np.int64]
    matched_truth: NDArray[np.int64]


def measure(prediction: Masks, truth: Masks, void: Masks | None = None) -> NDArray[np.float64]:
    """F of each frame [T] of masks [T, H, W]: 1 where neither has a boundary, 0 where one alone has.

    The image border is no boundary, so a full frame has none. Void pixels are taken out of both masks first, and bound them.
    Raises ValueError on other shapes or types.
    """
    return accuracy(count(prediction, truth, void))


def count(prediction: Masks, truth: Masks, void: Masks | None = None) -> Counts:
    """The pixel counts of each frame of masks [T, H, W], in one pass; for callers that want J and F together. Safe to call from threads."""
    prediction_THN, truth_THN = pack(prediction, truth, void)
    counts_T7 = np.empty((len(truth), len(Counts._fields)), np.int64)
    _fill(prediction_THN, truth_THN, truth.shape[1:], counts_T7)
    return Counts(*counts_T7.T)


def pairs(prediction: Labels, truth: Labels, predicted: Sequence[int], true: Sequence[int], void: int | None = None) -> Counts:
    """As `count`, of one frame's label maps [H, W]: every predicted id with every true one, [P, G]. Each mask is packed once.

    Id 0 stands for the empty mask. Pixels that are `void` in the truth are taken out of the predicted masks.
    """
    prediction_PHN, truth_GHN = _split(prediction, truth, predicted, true)
    if void is not None:
        # The true masks hold none of it: a pixel of a label map has one value.
        prediction_PHN &= ~split(truth, [void])[0]
    counts_PG7 = np.empty((len(predicted), len(true), len(Counts._fields)), np.int64)
    for ours_HN, counts_G7 in zip(prediction_PHN, counts_PG7, strict=True):
        _fill(np.repeat(ours_HN[None], len(true), axis=0), truth_GHN, truth.shape, counts_G7)
    return Counts(*np.moveaxis(counts_PG7, -1, 0))


def each(prediction: Labels, truth: Labels, predicted: Sequence[int], true: Sequence[int]) -> Counts:
    """As `pairs`, of as many predicted ids as true ones: each with the one that stands in its place, [P]."""
    prediction_PHN, truth_PHN = _split(prediction, truth, predicted, true)
    counts_P7 = np.empty((len(predicted), len(Counts._fields)), np.int64)
    _fill(prediction_PHN, truth_PHN, truth.shape, counts_P7)
    return Counts(*counts_P7.T)


def _split(prediction: Labels, truth: Labels, predicted: Sequence[int], true: Sequence[int]) -> tuple[Words, Words]:
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, truth has {truth.shape}; resize the labels to the truth's size first")
    return split(prediction, predicted), split(truth, true)


def _fill(prediction_THN: Words, truth_THN: Words, size: tuple[int, ...], counts_T7: NDArray[np.int64]) -> None:
    height, width = size
    count_frames(prediction_THN, truth_THN, _widths(radius(height, width)), width, counts_T7)


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """F from the counts, in the public evaluators' order of operations, so that results are equal to the last bit."""
    precision = _share(counts.matched_prediction, counts.boundary_prediction)
    recall = _share(counts.matched_truth, counts.boundary_truth)
    # The product comes first: 2PR / (P + R) rounds differently in any other order.
    return np.divide(2 * precision * recall, precision + recall, out=np.zeros(precision.shape), where=precision + recall > 0)


def radius(height: int, width: int) -> int:
    """The tolerance in pixels, rounded up."""
    return ceil(TOLERANCE * float(np.linalg.norm((height, width))))


def _share(matched: NDArray[np.int64], points: NDArray[np.int64]) -> NDArray[np.float64]:
    # No point claimed is no point wrong: 1, so that two empty boundaries agree.
    return np.divide(matched, points, out=np.ones(points.shape), where=points > 0)


@lru_cache
def _widths(reach: int) -> NDArray[np.int64]:
    """Half the widths of the disk x^2 + y^2 <= r^2, from its middle row outwards."""
    return np.array([isqrt(reach * reach - y * y) for y in range(reach + 1)], np.int64)
