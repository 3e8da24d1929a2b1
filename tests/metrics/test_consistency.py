"""The temporal IoU difference, worked out by hand."""

from math import isnan, sqrt

import pandas as pd
import pytest

from vdit.metrics.consistency import measure

# Expression a/0 changes by .1, .3, .2 from frame to frame; b/0 by .5. The object of a/0 is out of sight in its last frame.
SCORES = pd.DataFrame(
    [
        ("a", "0", "8", 0.5, True),
        ("a", "0", "9", 0.6, True),
        ("a", "0", "10", 0.9, True),
        ("a", "0", "11", 0.7, False),
        ("b", "0", "00000", 0.2, True),
        ("b", "0", "00005", 0.7, True),
    ],
    columns=["video", "expression", "frame", "j", "present"],
)


def test_mean_change_within_then_over_expressions() -> None:
    assert measure(SCORES, 1) == pytest.approx(100 * (0.2 + 0.5) / 2)


def test_an_expression_not_longer_than_the_interval_is_left_out() -> None:
    assert measure(SCORES, 2) == pytest.approx(100 * (0.4 + 0.1) / 2)
    assert measure(SCORES, 3) == pytest.approx(20)


def test_no_expression_long_enough_is_not_a_number() -> None:
    assert isnan(measure(SCORES, 4))


def test_pooled_weighs_every_pair_the_same() -> None:
    assert measure(SCORES, 1, "pooled") == pytest.approx(100 * (0.1 + 0.3 + 0.2 + 0.5) / 4)


def test_rms_within_an_expression() -> None:
    assert measure(SCORES, 1, "rms") == pytest.approx(100 * (sqrt((0.01 + 0.09 + 0.04) / 3) + 0.5) / 2)


def test_present_drops_pairs_with_a_frame_without_the_object() -> None:
    assert measure(SCORES, 1, "present") == pytest.approx(100 * (0.2 + 0.5) / 2)
    assert measure(SCORES, 2, "present") == pytest.approx(40)
    assert isnan(measure(SCORES, 3, "present"))


def test_the_order_of_the_rows_does_not_matter() -> None:
    """As text "10" comes before "8": by their order in the file the frames would be 10, 11, 8, 9."""
    assert measure(SCORES.sample(frac=1, random_state=1), 1) == pytest.approx(measure(SCORES, 1))
    assert measure(SCORES.sort_values("frame"), 1) == pytest.approx(measure(SCORES, 1))


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="interval is 0"):
        measure(SCORES, 0)
