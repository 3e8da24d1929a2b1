"""Every kind of bad prediction is named, counted and refused or admitted: never skipped."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vdit.score import davis_unsupervised, identity
from vdit.score.result import Options, Result

Refusal = Callable[[], tuple[Path, Path]]


@pytest.fixture
def folders(tmp_path: Path, write: Any, pair: Any) -> tuple[Path, Path]:
    return write(tmp_path / "truth", pair[0]), write(tmp_path / "predictions", pair[1])


def score(folders: tuple[Path, Path], missing: Any = "refuse") -> Result:
    return identity.score(*folders, Options(missing=missing, threads=2))


def refused(folders: tuple[Path, Path], missing: Any = "refuse") -> str:
    with pytest.raises(ValueError) as caught:
        score(folders, missing)
    return str(caught.value)


def test_good_predictions_have_no_problem(folders: tuple[Path, Path]) -> None:
    result = score(folders)
    assert result.problems == () and (result.found, result.wanted) == (10, 10)
    assert list(result.numbers["J_per_object"]) == ["bear_1", "bear_2", "camel_1", "camel_2"]


def test_a_missing_frame_is_empty_only_if_asked(folders: tuple[Path, Path]) -> None:
    lost = folders[1] / "bear/00002.png"
    whole = score(folders).numbers["jf"]["bear"]["objects"][0]["J"]
    lost.unlink()
    said = refused(folders)
    assert said.startswith("not scored, predictions with problems: 1 missing") and str(lost) in said and "--missing empty" in said
    result = score(folders, "empty")
    assert result.numbers["jf"]["bear"]["objects"][0]["J"] == [*whole[:2], 0, *whole[3:]]
    assert (result.found, result.wanted) == (9, 10)
    assert [problem.place for problem in result.problems] == [str(lost)]


def test_a_missing_video_is_one_problem(folders: tuple[Path, Path]) -> None:
    shutil.rmtree(folders[1] / "camel")
    assert "1 missing" in refused(folders) and "camel has none of the 5 masks" in refused(folders)
    result = score(folders, "empty")
    assert result.numbers["J_per_object"]["camel_1"] == 0 and (result.found, result.wanted) == (5, 10)


def test_an_unknown_video_is_left_out_only_if_asked(folders: tuple[Path, Path]) -> None:
    shutil.copytree(folders[1] / "bear", folders[1] / "wolf")
    assert "1 unknown" in refused(folders) and "wolf is no video of the truth" in refused(folders)
    assert score(folders, "empty").numbers["J"] == score((folders[0], without(folders[1], "wolf"))).numbers["J"]


def without(root: Path, video: str) -> Path:
    shutil.rmtree(root / video)
    return root


def test_a_frame_without_truth_is_said(folders: tuple[Path, Path]) -> None:
    shutil.copy(folders[1] / "bear/00000.png", folders[1] / "bear/00009.png")
    result = score(folders)
    assert [problem.kind for problem in result.problems] == ["remark"]
    assert "1 masks of frames without truth, the first 00009.png" in str(result.problems[0])


@pytest.mark.parametrize("what", ["size", "colours", "truncated", "no image"])
@pytest.mark.parametrize("missing", ["refuse", "empty"])
def test_what_is_no_mask_of_its_frame_is_refused_in_any_case(what: str, missing: str, folders: tuple[Path, Path]) -> None:
    path = folders[1] / "bear/00003.png"
    named = {"size": "is 20x30, its truth is 40x60", "colours": "is RGB", "truncated": "is truncated", "no image": "is no PNG"}
    if what == "size":
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(path)
    elif what == "colours":
        Image.new("RGB", (60, 40)).save(path)
    else:
        path.write_bytes(path.read_bytes()[:-20] if what == "truncated" else b"nothing")
    said = refused(folders, missing)
    assert "1 unusable" in said and f"{path} {named[what]}" in said


def test_all_problems_are_counted_and_the_first_named(folders: tuple[Path, Path]) -> None:
    for path in (folders[1] / "bear").iterdir():
        path.write_bytes(b"nothing")
    (folders[1] / "camel/00001.png").unlink()
    (folders[1] / "wolf").mkdir()
    said = refused(folders)
    assert "problems: 1 missing, 1 unknown, 5 unusable: " in said and "and 3 more" in said and "\n" not in said


def test_damaged_truth_is_refused(folders: tuple[Path, Path]) -> None:
    (folders[0] / "bear/00001.png").write_bytes(b"nothing")
    assert str(folders[0] / "bear/00001.png") in refused(folders, "empty")


def test_folders_that_hold_nothing_are_named(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    assert "nowhere does not exist" in refused((tmp_path / "nowhere", folders[1]))
    assert "nowhere does not exist" in refused((folders[0], tmp_path / "nowhere"))
    assert "bear has no folder in it" in refused((folders[0] / "bear", folders[1]))
    (folders[0] / "dog").mkdir()
    assert "dog has no PNG in it" in refused(folders)


def test_a_truth_without_objects_has_no_score(tmp_path: Path, write: Any) -> None:
    tree = write(tmp_path / "truth", {"v": np.zeros((3, 9, 9), np.uint8)})
    with pytest.raises(ValueError, match="the truth has no object"):
        davis_unsupervised.score(tree, tree, Options())


def test_frames_are_in_order_of_their_numbers(tmp_path: Path, write: Any) -> None:
    """Names without leading zeros: object 2 is in frame 10 alone, and the first frame says that there is one object."""
    truth = np.ones((11, 9, 9), np.uint8)
    truth[10] = 2
    tree = write(tmp_path / "truth", {"v": truth})
    for path in sorted((tree / "v").iterdir()):
        path.rename(path.with_name(f"{int(path.stem)}.png"))
    rows = davis_unsupervised.score(tree, tree, Options()).rows
    assert set(rows["expression"]) == {"1"}
    assert list(rows["frame"]) == [str(number) for number in range(11)]
