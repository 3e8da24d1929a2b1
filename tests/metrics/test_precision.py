"""Precision@K at and around its thresholds. Oracle: counts by hand, and the rounding that metrics.md records of the public evaluators."""

import pandas as pd
import pytest

from vdit.metrics.precision import THRESHOLDS, measure

COLUMNS = ["image", "query", "score", "intersection", "union"]


def above(intersection: int, union: int) -> list[float]:
    found = measure(pd.DataFrame([("a", 0, 0.9, intersection, union)], columns=COLUMNS))
    return [threshold for threshold in THRESHOLDS if found[threshold]]


def test_shares_of_the_best_queries() -> None:
    rows = [("a", 0, 0.9, 95, 100), ("b", 0, 0.9, 65, 100), ("c", 0, 0.9, 10, 100), ("c", 1, 0.8, 99, 100), ("d", 0, 0.9, 55, 100)]
    assert measure(pd.DataFrame(rows, columns=COLUMNS)) == {0.5: 0.75, 0.6: 0.5, 0.7: 0.25, 0.8: 0.25, 0.9: 0.25}


def test_an_exact_threshold_is_above_itself_only_where_float32_rounds_it_up() -> None:
    assert above(30_000, 50_000) == [0.5, 0.6]
    assert above(40_000, 50_000) == [0.5, 0.6, 0.7, 0.8]
    assert above(25_000, 50_000) == []
    assert above(35_000, 50_000) == [0.5, 0.6]
    assert above(45_000, 50_000) == [0.5, 0.6, 0.7, 0.8]


def test_in_a_few_pixels_the_small_addend_tips_a_threshold() -> None:
    assert above(1, 2) == [0.5]
    assert above(7, 10) == [0.5, 0.6, 0.7]


def test_two_empty_masks_agree() -> None:
    assert above(0, 0) == list(THRESHOLDS)


def test_without_rows_there_is_no_share() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure(pd.DataFrame(columns=COLUMNS))
