"""What is reported of scored objects, on counts made by hand."""

import numpy as np
import pytest

from vdit.score import _objects
from vdit.score._objects import Track


def track(name: str, intersections: list[int]) -> Track:
    """Ten pixels of truth in each frame, as many predicted, and no boundary, so that F is 1."""
    counts_T7 = np.array([[10, 10, both, 0, 0, 0, 0] for both in intersections])
    return Track("v", name, f"v_{name}", tuple("abcd"[: len(intersections)]), counts_T7)


def test_objects_weigh_the_same_however_many_frames_they_have() -> None:
    found = _objects.numbers([track("1", [10]), track("2", [0, 0, 0, 10])])
    assert (found["J"], found["F"], found["JF"]) == ((1 + 0.25) / 2, 1, (0.625 + 1) / 2)
    assert (found["J_recall"], found["J_decay"]) == ((1 + 0.25) / 2, (0 + (0 - 0.5)) / 2)
    assert found["J_per_object"] == {"v_1": 1, "v_2": 0.25}


def test_rows_are_those_of_the_parquet_file() -> None:
    rows = _objects.rows([track("1", [10, 5])])
    assert rows["j"].tolist() == [1, 5 / 15]
    assert rows["intersection"].tolist() == [10, 5]
    assert rows["expression"].tolist() == ["1", "1"] and rows["frame"].tolist() == ["a", "b"]


def test_an_id_is_a_number_where_that_says_the_same() -> None:
    assert [_objects.details(track(name, [10]))["id"] for name in ("3", "03", "a")] == [3, "03", "a"]


def test_the_summary_is_in_percent() -> None:
    summary = _objects.summary({"all": _objects.numbers([track("1", [10])]), "plain": {"JF": 0.5, "J": 0.25, "F": 0.75}})
    assert summary.loc["all", "J&F"] == 100 and summary.loc["plain", "J"] == 25
    assert np.isnan(summary.loc["plain", "J recall"])


def test_no_object_is_no_score() -> None:
    with pytest.raises(ValueError, match="no object"):
        _objects.numbers([])
