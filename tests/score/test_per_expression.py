"""One mask per expression against the values of MeViS's evaluator for the recorded videos, each object an expression."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.score import per_expression
from vdit.score.result import Options

TWO = Options(threads=2)


@pytest.fixture(scope="module")
def folders(expected: dict[str, Any], cases: dict[str, Any], write: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("expressions")
    for kind in ("gt", "pred"):
        for name, case in expected["jf"].items():
            masks = {str(one): np.where(cases[kind][name] == one, 255, 0).astype(np.uint8) for one in range(1, case["n_obj"] + 1)}
            write(root / kind / name, masks)
    return root / "gt", root / "pred"


def test_every_recorded_number_is_equal(expected: dict[str, Any], folders: tuple[Path, Path]) -> None:
    found = per_expression.score(*folders, TWO).numbers
    assert {*found["jf"]} == {*expected["jf"]}
    for name, case in expected["jf"].items():
        assert found["jf"][name]["per_expression"] == pytest.approx(case["per_expression"], abs=1e-12), name
        for ours, theirs in zip(found["jf"][name]["objects"], case["objects"], strict=True):
            assert (ours["id"], ours["J"], ours["F"]) == (theirs["id"], theirs["J"], theirs["F"])


def test_the_mean_over_all_expressions_is_equal(expected: dict[str, Any], folders: tuple[Path, Path], tmp_path: Path) -> None:
    """It was recorded over the videos without void, which the protocol does not know."""
    for name, case in expected["jf"].items():
        if not case["has_void"]:
            for kind, folder in zip(("gt", "pred"), folders, strict=True):
                (tmp_path / kind).mkdir(exist_ok=True)
                (tmp_path / kind / name).symlink_to(folder / name)
    found = per_expression.score(tmp_path / "gt", tmp_path / "pred", TWO).numbers
    assert found["jf_all_expressions"] == pytest.approx(expected["jf_all_expressions"], abs=1e-12)
    assert found["JF"] == pytest.approx(sum(expected["jf_all_expressions"].values()) / 2, abs=1e-12)


@pytest.fixture
def small(tmp_path: Path, write: Any, pair: Any) -> Callable[[], tuple[Path, Path]]:
    truth, prediction = pair
    for kind, labels in (("t", truth), ("p", prediction)):
        for name, frames in labels.items():
            write(tmp_path / kind / name, {"0": frames == 1, "7": frames == 2})
    return lambda: (tmp_path / "t", tmp_path / "p")


def test_what_has_no_truth_is_named(small: Callable[[], tuple[Path, Path]], write: Any) -> None:
    truth, prediction = small()
    write(prediction / "bear", {"8": np.zeros((1, 4, 4), np.uint8)})
    write(prediction / "dog", {"0": np.zeros((1, 4, 4), np.uint8)})
    with pytest.raises(ValueError, match=r"2 unknown .*bear/8 has no truth.*dog has no truth"):
        per_expression.score(truth, prediction, TWO)
    result = per_expression.score(truth, prediction, Options(missing="empty"))
    assert {(row.video, row.expression) for row in result.rows.itertuples()} == {(v, e) for v in ("bear", "camel") for e in ("0", "7")}


def test_a_tree_of_label_maps_is_told_apart(tmp_path: Path, write: Any, pair: Any) -> None:
    tree = write(tmp_path / "t", pair[0])
    with pytest.raises(ValueError, match="bear has no folder in it"):
        per_expression.score(tree, tree, TWO)
