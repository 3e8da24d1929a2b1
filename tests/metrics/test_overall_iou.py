"""Overall IoU by hand: sums of pixels of each image's best query."""

from math import isnan

import pandas as pd
import pytest

from vdit.metrics.overall_iou import measure

COLUMNS = ["image", "query", "score", "intersection", "union"]


def test_large_objects_weigh_more() -> None:
    rows = pd.DataFrame([("a", 0, 0.9, 90, 100), ("b", 0, 0.9, 1, 10)], columns=COLUMNS)
    assert measure(rows) == pytest.approx(91 / 110)


def test_the_best_query_counts_and_of_equal_ones_the_last() -> None:
    rows = [("a", 0, 0.9, 9, 10), ("a", 1, 0.9, 5, 10), ("a", 2, 0.1, 7, 10), ("b", 0, 0.2, 1, 10), ("b", 1, 0.3, 2, 10)]
    assert measure(pd.DataFrame(rows, columns=COLUMNS)) == pytest.approx(7 / 20)
    assert measure(pd.DataFrame(rows[::-1], columns=COLUMNS)) == pytest.approx(7 / 20)  # `query` says what comes last


def test_empty_masks_add_nothing() -> None:
    rows = pd.DataFrame([("a", 0, 0.9, 3, 4), ("b", 0, 0.9, 0, 0)], columns=COLUMNS)
    assert measure(rows) == pytest.approx(3 / 4)
    assert isnan(measure(rows[1:]))


def test_without_rows_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure(pd.DataFrame(columns=COLUMNS))
