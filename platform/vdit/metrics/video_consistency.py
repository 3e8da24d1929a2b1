"""Video consistency VC_n (Miao et al., CVPR 2021), beside Table 5: of the pixels that are the same thing for n frames, those predicted so.

The public code leaves out the last window of a video; here every window counts.

T frames, H W pixels, N words of 64 of them, K binary digits of an age.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._packed import ALL, WORD, Bytes, Words, compiled, ones, same_64

UNIT = "ratio in [0, 1]"

# The published n.
WINDOWS = (8, 16)

Labels = NDArray[np.uint8] | NDArray[np.bool_]  # [T, H, W] or [H, W]
Ages = Words  # [K, N]: a bit is a digit of a pixel's age, so that 64 pixels grow older at once


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
            if window < 2:
                raise ValueError(f"window is {window}; a frame is compared with the next, give 2 or more")
        self.shares: dict[int, list[float]] = {window: [] for window in windows}
        self.frames = 0
        self.last: tuple[Bytes, Bytes] = (np.zeros(0, np.uint8),) * 2
        self.shape: tuple[int, ...] = ()
        # For how many frames each pixel has not changed, as far as the longest window must know.
        self.digits = (max(windows) - 1).bit_length()
        self.ages: tuple[Ages, Ages] = (np.zeros((self.digits, 0), np.uint64),) * 2

    def add(self, prediction_HW: Labels, truth_HW: Labels) -> None:
        """The next frame; one of another size than the last has no pixel in common with it, and windows begin anew."""
        frame = _bytes(prediction_HW), _bytes(truth_HW)
        if self.shape == truth_HW.shape:
            self.frames += 1
            for ages_KN, last, labels in zip(self.ages, self.last, frame, strict=True):
                _grow(ages_KN, last, labels)
        else:
            new_2KN = np.zeros((2, self.digits, -(-truth_HW.size // WORD)), np.uint64)
            self.frames, self.shape, self.ages = 1, truth_HW.shape, (new_2KN[0], new_2KN[1])
        self.last = frame
        for window, shares in self.shares.items():
            if self.frames >= window:
                both, total = _constant(*self.ages, window - 1)
                if total:
                    shares.append(both / total)


def _bytes(labels_HW: Labels) -> Bytes:
    """A bool may hold any byte but zero for true: it becomes 1."""
    if labels_HW.dtype not in (np.uint8, np.bool_):
        raise ValueError(f"labels are {labels_HW.dtype}, expected uint8 or bool")
    return np.ascontiguousarray(labels_HW.astype(np.uint8, copy=False)).reshape(-1)


@compiled
def _same(last: Bytes, labels: Bytes) -> Words:
    """Which pixels have the label they had, [N]; those beyond the last pixel have not."""
    same_N = np.empty(-(-labels.size // WORD), np.uint64)
    whole = labels.size // WORD
    for n in range(whole):
        same_N[n] = same_64(last, labels, n * WORD)
    if whole < same_N.size:
        same_N[whole] = 0
        for x in range(whole * WORD, labels.size):
            same_N[whole] |= np.uint64(last[x] == labels[x]) << np.uint64(x % WORD)
    return same_N


@compiled
def _grow(ages_KN: Ages, last: Bytes, labels: Bytes) -> None:
    """A frame older, up to what the digits hold, or 0 where the label has changed."""
    same_N = _same(last, labels)
    carry_N = np.full(same_N.size, ALL)
    for digit_N in ages_KN:
        for n in range(same_N.size):
            carry_N[n] &= digit_N[n]
    for n in range(same_N.size):
        # The oldest stay so old.
        carry_N[n] = same_N[n] & ~carry_N[n]
    for digit_N in ages_KN:
        for n in range(same_N.size):
            digit = digit_N[n]
            digit_N[n] = (digit ^ carry_N[n]) & same_N[n]
            carry_N[n] &= digit


@compiled
def _old(ages_KN: Ages, least: int) -> Words:
    """Which pixels are at least so old, [N]: from the lowest digit on, the higher ones overrule."""
    old_N = np.full(ages_KN.shape[1], ALL)
    for k in range(ages_KN.shape[0]):
        digit_N = ages_KN[k]
        if (least >> k) & 1:
            for n in range(old_N.size):
                old_N[n] &= digit_N[n]
        else:
            for n in range(old_N.size):
                old_N[n] |= digit_N[n]
    return old_N


@compiled
def _constant(ours_KN: Ages, theirs_KN: Ages, least: int) -> tuple[int, int]:
    """How many pixels are at least so old in both, and in the truth."""
    ours_N, theirs_N = _old(ours_KN, least), _old(theirs_KN, least)
    both, total = 0, 0
    for n in range(theirs_N.size):
        total += ones(theirs_N[n])
        both += ones(ours_N[n] & theirs_N[n])
    return both, total
