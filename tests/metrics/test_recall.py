"""Recall, counted by hand; the public evaluators' values are in tests/score/test_identity.py."""

import numpy as np
import pytest

from vdit.metrics.recall import measure


def test_recall_counts_frames_above_one_half() -> None:
    assert measure(np.array([0.9, 0.6, 0.4, 0.1])) == 0.5


def test_one_half_itself_is_not_recalled() -> None:
    assert measure(np.array([0.5, 0.50001])) == 0.5


def test_without_frames_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no frames"):
        measure(np.array([]))
