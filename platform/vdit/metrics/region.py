"""Region similarity J: intersection over union of a frame's masks (DAVIS 2016, Section 5; the J of Table 1)."""

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._packed import pack
from vdit.video import Masks

UNIT = "ratio in [0, 1]"


def measure(prediction: Masks, truth: Masks, void: Masks | None = None) -> NDArray[np.float64]:
    """J of each frame [T] of masks [T, H, W]: 1 where both are empty. Void pixels count in neither mask.

    Raises ValueError on other shapes or types.
    """
    prediction_THN, truth_THN = pack(prediction, truth, void)
    intersection = np.bitwise_count(prediction_THN & truth_THN).sum(axis=(1, 2), dtype=np.int64)
    union = np.bitwise_count(prediction_THN | truth_THN).sum(axis=(1, 2), dtype=np.int64)
    return jaccard(intersection, union)


def jaccard(intersection: NDArray[np.int64], union: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of pixel counts; 1 where the union is empty."""
    return np.divide(intersection, union, out=np.ones(union.shape), where=union > 0)
