"""Video consistency VC_n (Miao et al., CVPR 2021), beside Table 5: of the pixels that are the same thing for n frames, those predicted so.

The public code leaves out the last window of a video; here every window counts.

T frames, H W pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._packed import compiled

UNIT = "ratio in [0, 1]"

# The published n.
WINDOWS = (8, 16)

Labels = NDArray[np.uint8] | NDArray[np.bool_]  # [T, H, W] or [H, W]
Ages = NDArray[np.uint16]  # [H x W]
LONGEST = 2**16


def measure(prediction_THW: Labels, truth_THW: Labels, window: int) -> float:
    """Mean over windows of n frames of |constant in both| / |constant in the truth|; the published n are 8 and 16.

    A pixel predicted constantly wrong counts: consistency is not accuracy. Windows in which the truth changes everywhere have no share and
    are left out; NaN if no window is left, as in a video shorter than one. Raises ValueError for other shapes or a window below 2.
    """
    if prediction_THW.shape != truth_THW.shape or truth_THW.ndim != 3:
        raise ValueError(f"prediction is {prediction_THW.shape}, truth {truth_THW.shape}; both must be frames x height x width, and equal")
    watch = Watch((window,))
    for prediction_HW, truth_HW in zip(prediction_THW, truth_THW, strict=True):
        watch.add(prediction_HW, truth_HW)
    shares = watch.shares[window]
    return float(np.mean(shares)) if shares else float("nan")


class Watch:
    """A video seen frame by frame: `shares` are those of its windows so far, by length. In memory is the last frame, not a window."""

    def __init__(self, windows: Sequence[int]) -> None:
        for window in windows:
            if not 2 <= window <= LONGEST:
                raise ValueError(f"window is {window}; a frame is compared with the next, give 2 to {LONGEST}")
        self.shares: dict[int, list[float]] = {window: [] for window in windows}
        self.frames = 0
        self.last: tuple[Labels, Labels] = (np.zeros((0, 0), np.bool_),) * 2
        # For how many frames each pixel has not changed, as far as the longest window must know.
        self.most = np.uint16(max(windows) - 1)
        self.ages: tuple[Ages, Ages] = (np.zeros(0, np.uint16),) * 2

    def add(self, prediction_HW: Labels, truth_HW: Labels) -> None:
        """The next frame; one of another size than the last has no pixel in common with it, and windows begin anew."""
        if self.last[1].shape == truth_HW.shape:
            self.frames += 1
            for ages, last_HW, labels_HW in zip(self.ages, self.last, (prediction_HW, truth_HW), strict=True):
                _grow(ages, last_HW.reshape(-1), labels_HW.reshape(-1), self.most)
        else:
            self.frames, self.ages = 1, (np.zeros(truth_HW.size, np.uint16), np.zeros(truth_HW.size, np.uint16))
        self.last = prediction_HW, truth_HW
        for window, shares in self.shares.items():
            if self.frames >= window:
                both, total = _constant(*self.ages, np.uint16(window - 1))
                if total:
                    shares.append(both / total)


@compiled
def _grow(ages: Ages, last: Labels, labels: Labels, most: np.uint16) -> None:
    """A frame older, up to `most`, or 0 where the label has changed. Without a branch, so that many pixels are done at once."""
    for n in range(ages.size):
        same = np.uint16(last[n] == labels[n])
        ages[n] = np.uint16(np.uint16(min(ages[n], np.uint16(most - np.uint16(1))) + np.uint16(1)) * same)


@compiled
def _constant(ours: Ages, theirs: Ages, least: np.uint16) -> tuple[int, int]:
    """How many pixels are at least so old in both, and in the truth."""
    both, total = 0, 0
    for n in range(theirs.size):
        old = theirs[n] >= least
        total += old
        both += old & (ours[n] >= least)
    return both, total
