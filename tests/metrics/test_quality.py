"""The high-quality ratio, counted by hand."""

from math import isnan

import pandas as pd
import pytest

from vdit.metrics.quality import measure, per_expression, ratio


def test_quality_is_the_share_of_good_masks_that_are_very_good() -> None:
    assert ratio([0.95, 0.92, 0.60, 0.30]) == pytest.approx(200 / 3)  # 2 of the 3 above one half


def test_the_bounds_themselves_do_not_count() -> None:
    assert ratio([0.9, 0.5, 0.91, 0.51]) == pytest.approx(100 / 3)


def test_without_a_good_mask_there_is_no_ratio() -> None:
    assert isnan(ratio([0.5, 0.1]))


def test_frames_are_pooled_and_the_variant_counts_expressions() -> None:
    scores = pd.DataFrame({"video": list("aaab"), "expression": list("0000"), "j": [0.95, 0.92, 0.6, 0.99]})
    assert measure(scores) == pytest.approx(75)
    assert per_expression(scores) == pytest.approx(50)  # means .823 and .99
