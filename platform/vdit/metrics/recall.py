"""Recall of J or F: the share of an object's frames in which it is above one half (DAVIS 2016, Section 5; beside the mean of Table 1)."""

import numpy as np
from numpy.typing import NDArray

UNIT = "ratio in [0, 1]"

HALF = 0.5


def measure(values_T: NDArray[np.float64]) -> float:
    """Of one object's J or F per frame; strict: exactly one half is not recalled. Raises ValueError without frames."""
    if not values_T.size:
        raise ValueError("no frames to measure recall on; give at least one")
    return float(np.mean(values_T > HALF))
