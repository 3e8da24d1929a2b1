"""J, F and J&F, worked out by hand."""

import pandas as pd
import pytest

from vdit.metrics.components import measure


def test_every_expression_weighs_the_same_however_many_frames_it_has() -> None:
    scores = pd.DataFrame(
        [("a", "0", 0.2, 0.4), ("a", "0", 0.4, 0.6), ("a", "1", 0.9, 1.0), ("b", "0", 0.6, 0.0)], columns=["video", "expression", "j", "f"]
    )
    found = measure(scores)
    assert found.j == pytest.approx(100 * (0.3 + 0.9 + 0.6) / 3)  # over frames it would be 52.5
    assert found.f == pytest.approx(100 * (0.5 + 1.0 + 0.0) / 3)
    assert found.jf == pytest.approx((60 + 50) / 2)


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure(pd.DataFrame(columns=["video", "expression", "j", "f"]))
