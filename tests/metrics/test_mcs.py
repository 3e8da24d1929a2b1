"""The mask consistency score, counted by hand."""

import pandas as pd
import pytest

from vdit.metrics.mcs import measure


def scores(*expressions: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"video": "v", "expression": str(number), "frame": str(frame), "j": j}
            for number, values in enumerate(expressions)
            for frame, j in enumerate(values)
        ]
    )


def test_an_expression_counts_only_if_every_frame_is_good() -> None:
    assert measure(scores([0.95, 0.99], [0.99, 0.9], [0.99, 0.1], [0.91])) == 50  # 0.9 itself is not above 0.9


def test_a_lower_threshold_lets_more_through() -> None:
    assert measure(scores([0.6, 0.7], [0.8, 0.4]), threshold=0.5) == 50


def test_expressions_are_cut_into_clips_in_order_of_frames() -> None:
    table = scores([0.95, 0.95, 0.95, 0.1, 0.95])
    assert measure(table, frames=2) == pytest.approx(200 / 3)  # (0, 1) and (4) of (0, 1), (2, 3), (4)
    assert measure(table.sample(frac=1, random_state=0), frames=2) == pytest.approx(200 / 3)


def test_frame_10_comes_after_frame_9() -> None:
    assert measure(scores([0.95] * 10 + [0.1]), frames=10) == 50


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure(scores())
    with pytest.raises(ValueError, match="clips of 0 frames"):
        measure(scores([1.0]), frames=0)
