"""Decay of J or F: how much it falls from the first to the last quarter of a video (DAVIS 2016, Section 5; beside the mean of Table 1).

davis2017-evaluation keeps the quarters' ends in 8 bits: beyond 256 frames they wrap round, and its decay is of other frames. Here they do
not. Up to 256 frames the values are equal; beyond them ours is the one the definition gives.
"""

import numpy as np
from numpy.typing import NDArray

UNIT = "difference of ratios in [-1, 1], above zero where it falls"

QUARTERS = 4


def measure(values_T: NDArray[np.float64]) -> float:
    """Mean of the first quarter less mean of the last, of one object's J or F per frame. Raises ValueError without frames.

    The quarters' ends are spread evenly over the frames and rounded, one half upwards; neighbouring quarters share the frame between them.
    """
    if not values_T.size:
        raise ValueError("no frames to measure decay on; give at least one")
    # Frames are counted from 1 where they are rounded, so that a half does not go to the even number.
    ends = np.floor(np.linspace(1, values_T.size, QUARTERS + 1) + 0.5 + 1e-10).astype(int) - 1
    return float(np.mean(values_T[: ends[1] + 1]) - np.mean(values_T[ends[-2] :]))
