"""J under light noise, worked out by hand."""

import pandas as pd
import pytest

from vdit.metrics.light import measure

SCORES = pd.DataFrame(
    [("a", "0", "0", 0.8, 0), ("a", "0", "1", 0.6, 0), ("b", "0", "0", 0.5, 0)], columns=["video", "expression", "frame", "j", "f"]
)


def under(level: float, draw: int, j: list[float]) -> pd.DataFrame:
    return SCORES.assign(j=j, level=level, draw=draw)


def test_mean_over_frames_expressions_and_draws_and_what_is_lost() -> None:
    light = pd.concat([under(0.4, 0, [0.4, 0.4, 0.2]), under(0.2, 0, [0.7, 0.5, 0.5]), under(0.2, 1, [0.5, 0.5, 0.3])])
    table = measure(SCORES, light)
    assert table["level"].tolist() == [0.0, 0.2, 0.4]
    assert table["j"].tolist() == pytest.approx([60, (55 + 40) / 2, 30])
    assert table["loss"].tolist() == pytest.approx([0, 12.5, 30])


def test_a_draw_with_other_frames_is_refused() -> None:
    light = under(0.2, 0, [0.7, 0.5, 0.5])
    pd.testing.assert_frame_equal(measure(SCORES, light.drop(columns="draw")), measure(SCORES, light))
    with pytest.raises(ValueError, match=r"level 0.2, draw 0 and the scores differ in 1 frames.*'b', '0', '0'"):
        measure(SCORES, light.iloc[:2])
    with pytest.raises(ValueError, match="twice"):
        measure(SCORES, pd.concat([light, light.iloc[:1]]))
