"""Decay on values whose quarters are known; the public evaluators' values are in tests/score/test_identity.py."""

import numpy as np
import pytest

from vdit.metrics.decay import measure


def test_decay_is_the_first_quarter_less_the_last() -> None:
    # Ends at frames 1, 3, 5, 7, 9: quarters share them, so the first is frames 1 to 3 and the last 7 to 9.
    values = np.array([0.9, 0.8, 0.7, 0, 0, 0, 0.3, 0.2, 0.1])
    assert measure(values) == pytest.approx(0.8 - 0.2)


def test_a_half_is_rounded_upwards() -> None:
    # Ends at 1, 2.5, 4, 5.5, 7: the first quarter is frames 1 to 3, the last 6 to 7.
    assert measure(np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])) == pytest.approx(2 / 3)
    assert measure(np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])) == 0


def test_one_frame_does_not_decay() -> None:
    assert measure(np.array([0.4])) == 0


@pytest.mark.parametrize("frames", [257, 400, 1024, 3000])
def test_a_long_video_is_cut_at_its_own_quarters(frames: int) -> None:
    """A straight fall from 1 to 0 decays by three quarters whatever its length; ends kept in 8 bits give other values."""
    assert measure(np.linspace(1, 0, frames)) == pytest.approx(0.75, abs=1 / frames)


def test_without_frames_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no frames"):
        measure(np.array([]))
