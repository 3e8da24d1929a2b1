"""Video consistency VC_n (Miao et al., CVPR 2021), beside Table 5: of the pixels that are the same thing for n frames, those predicted so.

The public code leaves out the last window of a video; here every window counts.

T frames, H W pixels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

UNIT = "ratio in [0, 1]"

Labels = NDArray[np.uint8] | NDArray[np.bool_]  # [T, H, W]


def measure(prediction_THW: Labels, truth_THW: Labels, window: int) -> float:
    """Mean over windows of n frames of |constant in both| / |constant in the truth|; the published n are 8 and 16.

    A pixel predicted constantly wrong counts: consistency is not accuracy. Windows in which the truth changes everywhere have no share and
    are left out; NaN if no window is left, as in a video shorter than one. Raises ValueError for other shapes or a window below 2.
    """
    if prediction_THW.shape != truth_THW.shape or truth_THW.ndim != 3:
        raise ValueError(f"prediction is {prediction_THW.shape}, truth {truth_THW.shape}; both must be frames x height x width, and equal")
    if window < 2:
        raise ValueError(f"window is {window}; a frame is compared with the next, give 2 or more")
    shares = [
        np.count_nonzero(ours & theirs) / total
        for ours, theirs in zip(_constant(prediction_THW, window), _constant(truth_THW, window), strict=True)
        if (total := np.count_nonzero(theirs))
    ]
    return float(np.mean(shares)) if shares else float("nan")


def _constant(labels_THW: Labels, window: int) -> Iterator[NDArray[np.bool_]]:
    """Per window, the pixels [H, W] whose label is the same in all its frames."""
    changes_HW = np.zeros(labels_THW.shape[1:], np.int64)
    for last in range(1, len(labels_THW)):
        changes_HW += labels_THW[last] != labels_THW[last - 1]
        if last >= window:
            changes_HW -= labels_THW[last - window + 1] != labels_THW[last - window]
        if last >= window - 1:
            yield changes_HW == 0
