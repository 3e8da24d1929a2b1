"""mAP of instances: worked out by hand, and against COCO's own evaluation on masks with ties, crowds and empty truths."""

from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vdit.metrics.average_precision import MOST, SIZES, by_threshold, measure

Draw = Callable[..., Any]
Oracle = Callable[[Any], np.ndarray]


def table(*rows: tuple[str, int, float, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "query", "score", "intersection", "union"])


def ours(drawn: pd.DataFrame) -> list[float]:
    """What COCO's evaluation prints first, in its order."""
    ap = by_threshold(drawn)
    found = [float(ap.mean()), ap[0], ap[5], *(float(by_threshold(drawn, size).mean()) for size in SIZES if size != "all")]
    return [-1.0 if isnan(value) else value for value in found]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("crowds", [False, True])
def test_equal_to_cocos_evaluation(seed: int, crowds: bool, draw: Draw, cocoeval: Oracle) -> None:
    drawn = draw(seed, images=40, crowds=crowds)
    np.testing.assert_allclose(ours(drawn.table), cocoeval(drawn), rtol=0, atol=1e-12)


def test_queries_beyond_the_hundredth_are_not_looked_at(draw: Draw, cocoeval: Oracle) -> None:
    drawn = draw(0, images=3, most=2 * MOST)
    assert drawn.table.groupby("image").size().max() > MOST
    np.testing.assert_allclose(ours(drawn.table), cocoeval(drawn), rtol=0, atol=1e-12)


def test_a_wrong_query_ranked_between_lowers_the_precision_behind_it() -> None:
    # Ranks: right, wrong, right. Precision 1 up to recall 1/2 (51 of 101 recalls), 2/3 beyond (50).
    found = measure(table(("a", 0, 0.9, 10, 10), ("b", 0, 0.8, 1, 10), ("b", 1, 0.7, 10, 10)))
    assert found == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_truth_is_found_once() -> None:
    # The second query of image a lies as well, and counts as wrong: of the two, the recall 1 is reached at rank 3.
    found = measure(table(("a", 0, 0.9, 10, 10), ("a", 1, 0.8, 10, 10), ("b", 0, 0.7, 10, 10)))
    assert found == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_thresholds_include_themselves() -> None:
    np.testing.assert_allclose(by_threshold(table(("a", 0, 1.0, 3, 4))), [1, 1, 1, 1, 1, 1, 0, 0, 0, 0], atol=1e-15)


def test_two_empty_masks_do_not_match() -> None:
    assert measure(table(("a", 0, 1.0, 0, 0))) == 0


def test_the_order_of_rows_makes_no_difference(draw: Draw) -> None:
    drawn = draw(1, images=20).table
    assert measure(drawn.sample(frac=1, random_state=0)) == measure(drawn)


def test_a_query_behind_all_others_that_finds_nothing_is_no_query() -> None:
    rows = [("a", 0, 0.9, 9, 10), ("b", 0, 0.5, 8, 10)]
    lacking = measure(table(*rows, ("c", 0, -np.inf, 0, 10)))
    assert lacking == pytest.approx(measure(table(*rows, ("c", 0, 0.1, 0, 10))))
    assert lacking < measure(table(*rows))


def test_no_rows_no_number() -> None:
    assert isnan(measure(table().astype({"score": float})))


def test_a_size_needs_areas() -> None:
    with pytest.raises(ValueError, match="lack the column 'area_prediction'"):
        by_threshold(table(("a", 0, 1.0, 3, 4)), "small")
    with pytest.raises(ValueError, match="lack the column 'area_prediction'"):
        by_threshold(table(("a", 0, 1.0, 3, 4)).assign(crowd=True))
