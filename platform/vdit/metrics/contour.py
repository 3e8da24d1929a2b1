"""Contour accuracy F: boundary pixels that lie within a tolerance of the other boundary (DAVIS 2016, Section 5; the F of Table 1)."""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, isqrt, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._contour_kernel import Labelled, count_labels, count_masks
from vdit.metrics._packed import check, pixels
from vdit.video import Masks

UNIT = "ratio in [0, 1]"

Labels: TypeAlias = NDArray[np.uint8]  # [H, W]

# Of the image diagonal: the public evaluators' bound_th.
TOLERANCE = 0.008


# Of a mask without void pixels.
NOTHING = np.zeros(0, np.uint8)


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
    check(prediction, truth, void)
    frames, height, width = truth.shape
    counts_T7 = np.empty((frames, len(Counts._fields)), np.int64)
    none = NOTHING if void is None else pixels(void)
    count_masks((pixels(prediction), pixels(truth)), none, (height, width), _widths(radius(height, width)), counts_T7)
    return Counts(*counts_T7.T)


def pairs(prediction: Labels, truth: Labels, predicted: Sequence[int], true: Sequence[int], void: int | None = None) -> Counts:
    """As `count`, of one frame's label maps [H, W]: every predicted id with every true one, [P, G]. Each mask is outlined once.

    Id 0 stands for the empty mask. Pixels that are `void` in the truth are taken out of the predicted masks.
    """
    places_2PG = np.indices((len(predicted), len(true)))
    # The true masks hold no void: a pixel of a label map has one value.
    counts_N7 = _count(prediction, truth, (predicted, true), places_2PG.reshape(2, -1), -1 if void is None else void)
    return Counts(*np.moveaxis(counts_N7.reshape(len(predicted), len(true), -1), -1, 0))


def each(prediction: Labels, truth: Labels, predicted: Sequence[int], true: Sequence[int]) -> Counts:
    """As `pairs`, of as many predicted ids as true ones: each with the one that stands in its place, [P]."""
    if len(predicted) != len(true):
        raise ValueError(f"{len(predicted)} predicted ids for {len(true)} true ones; give as many, 0 where there is none")
    places_2P = np.broadcast_to(np.arange(len(true)), (2, len(true)))
    return Counts(*_count(prediction, truth, (predicted, true), places_2P, -1).T)


def _count(
    prediction: Labels, truth: Labels, ids: tuple[Sequence[int], Sequence[int]], places_2N: NDArray[np.int64], void: int
) -> NDArray[np.int64]:
    """Seven counts [N, 7] of each pair of ids. Raises ValueError for labels of another shape or type."""
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, truth has {truth.shape}; resize the labels to the truth's size first")
    for labels in (prediction, truth):
        if labels.dtype != np.uint8 or labels.ndim != 2 or 0 in labels.shape:
            raise ValueError(f"labels are {labels.dtype} of shape {labels.shape}, expected uint8, height x width")
    height, width = truth.shape
    counts_N7 = np.empty((places_2N.shape[1], len(Counts._fields)), np.int64)
    ours, theirs = np.ascontiguousarray(prediction).reshape(-1), np.ascontiguousarray(truth).reshape(-1)
    labelled = Labelled(ours, theirs, np.array(ids[0], np.uint8), np.array(ids[1], np.uint8), void)
    count_labels(labelled, np.ascontiguousarray(places_2N), (height, width), _widths(radius(height, width)), counts_N7)
    return counts_N7


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """F from the counts, in the public evaluators' order of operations, so that results are equal to the last bit."""
    precision = _share(counts.matched_prediction, counts.boundary_prediction)
    recall = _share(counts.matched_truth, counts.boundary_truth)
    # The product comes first: 2PR / (P + R) rounds differently in any other order.
    return np.divide(2 * precision * recall, precision + recall, out=np.zeros(precision.shape), where=precision + recall > 0)


def radius(height: int, width: int) -> int:
    """The tolerance in pixels, rounded up."""
    return ceil(TOLERANCE * sqrt(height * height + width * width))


def _share(matched: NDArray[np.int64], points: NDArray[np.int64]) -> NDArray[np.float64]:
    # No point claimed is no point wrong: 1, so that two empty boundaries agree.
    return np.divide(matched, points, out=np.ones(points.shape), where=points > 0)


@lru_cache
def _widths(reach: int) -> NDArray[np.int64]:
    """Half the widths of the disk x^2 + y^2 <= r^2, from its middle row outwards."""
    return np.array([isqrt(reach * reach - y * y) for y in range(reach + 1)], np.int64)
