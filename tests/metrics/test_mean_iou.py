"""Mean IoU by hand, and its rounding to float32 against numpy's."""

import numpy as np
import pandas as pd
import pytest

from vdit.metrics.mean_iou import measure

COLUMNS = ["image", "query", "score", "intersection", "union"]


def test_every_instance_weighs_the_same() -> None:
    rows = pd.DataFrame([("a", 0, 0.9, 90, 100), ("b", 0, 0.9, 1, 10), ("b", 1, 0.1, 9, 10)], columns=COLUMNS)
    assert measure(rows) == pytest.approx((0.9 + 0.1) / 2)


def test_two_empty_masks_agree() -> None:
    assert measure(pd.DataFrame([("a", 0, 0.9, 0, 0)], columns=COLUMNS)) == 1


def test_rounded_to_float32_and_averaged_in_float64() -> None:
    rows = pd.DataFrame([("a", 0, 0.9, 1, 3), ("b", 0, 0.9, 2, 7)], columns=COLUMNS)
    eps = np.float32(1e-6)
    rounded = [float((np.float32(i) + eps) / (np.float32(u) + eps)) for i, u in ((1, 3), (2, 7))]
    assert measure(rows) == sum(rounded) / 2
    assert measure(rows) != (1 / 3 + 2 / 7) / 2


def test_without_rows_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure(pd.DataFrame(columns=COLUMNS))
