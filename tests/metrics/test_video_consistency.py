"""Video consistency against its definition spelled out, and on cases counted by hand."""

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray

from vdit.metrics.video_consistency import Watch, measure


def spelled_out(prediction: NDArray[np.uint8], truth: NDArray[np.uint8], window: int) -> float:
    shares = []
    for start in range(len(truth) - window + 1):
        ours, theirs = (labels[start : start + window] for labels in (prediction, truth))
        constant = (theirs == theirs[0]).all(axis=0)
        if constant.any():
            shares.append(((ours == ours[0]).all(axis=0) & constant).sum() / constant.sum())
    return float(np.mean(shares))


@pytest.mark.parametrize("size", [(6, 7), (8, 8), (13, 17)])
@pytest.mark.parametrize("window", [2, 3, 8, 11])
def test_random_labels_agree_with_the_definition(window: int, size: tuple[int, int]) -> None:
    """Frames of less than a word of 64 pixels, of one and of some."""
    rng = np.random.default_rng(window)
    steady = np.repeat(rng.integers(0, 3, (3, *size), np.uint8), 6, axis=0)
    prediction, truth = (np.where(rng.random(steady.shape) < 0.05, 9, steady).astype(np.uint8) for _ in range(2))
    assert measure(prediction, truth, window) == pytest.approx(spelled_out(prediction, truth, window), abs=1e-15)


def test_the_last_window_counts() -> None:
    truth = np.zeros((3, 1, 2), np.uint8)
    prediction = truth.copy()
    prediction[2, 0, 0] = 1
    assert measure(prediction, truth, 2) == 0.75  # all of the first window, half of the second


def test_a_steady_mistake_is_consistent() -> None:
    truth = np.zeros((4, 2, 2), np.uint8)
    assert measure(truth + 1, truth, 4) == 1


def test_windows_without_a_constant_pixel_are_left_out() -> None:
    truth = np.zeros((3, 1, 2), np.uint8)
    truth[2] = 1  # everything changes: only the first window has a share
    assert measure(np.zeros_like(truth), truth, 2) == 1
    assert isnan(measure(truth, truth, 3))
    assert isnan(measure(truth, truth, 8))


def test_bad_input_is_named() -> None:
    labels = np.zeros((4, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="equal"):
        measure(labels[:2], labels, 2)
    with pytest.raises(ValueError, match="window is 1"):
        measure(labels, labels, 1)
    with pytest.raises(ValueError, match="labels are int64"):
        measure(labels.astype(np.int64), labels.astype(np.int64), 2)


def test_a_true_stored_as_another_byte_is_the_same_label() -> None:
    truth = np.ones((2, 10, 10), np.uint8)
    truth[1] = 255
    assert measure(truth.view(np.bool_), truth.view(np.bool_), 2) == 1


def test_several_windows_are_seen_at_once() -> None:
    rng = np.random.default_rng(0)
    prediction, truth = ((rng.random((40, 5, 5)) < 0.02).astype(np.uint8) for _ in range(2))
    watch = Watch((2, 8, 16))
    for frame in zip(prediction, truth, strict=True):
        watch.add(*frame)
    assert {window: len(shares) for window, shares in watch.shares.items()} == {2: 39, 8: 33, 16: 25}
    for window, shares in watch.shares.items():
        assert np.mean(shares) == pytest.approx(spelled_out(prediction, truth, window), abs=1e-15)


def test_no_window_spans_frames_of_two_sizes() -> None:
    watch = Watch((2,))
    for size in (3, 3, 4, 4):
        watch.add(np.zeros((size, 5), np.uint8), np.zeros((size, 5), np.uint8))
    assert watch.shares[2] == [1, 1]
