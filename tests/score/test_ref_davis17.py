"""Ref-DAVIS17 over four annotators against the recorded values."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.score import ref_davis17
from vdit.score.result import Options


@pytest.fixture(scope="module")
def folders(referred: dict[str, Any], write: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("ref_davis17")
    for annotator in ref_davis17.ANNOTATORS:
        write(root / "predictions" / annotator, referred[annotator])
    return write(root / "truth", referred["gt"]), root / "predictions"


def test_every_recorded_number_is_equal(expected: dict[str, Any], folders: tuple[Path, Path]) -> None:
    known, found = expected["refdavis17"], ref_davis17.score(*folders, Options(threads=2)).numbers
    assert {*known} <= {*found}
    for key in ("mean_JF", "mean_J", "mean_F"):
        assert found[key] == pytest.approx(known[key], abs=1e-12)
    plain = "not_the_protocol_identity_matching_no_void"
    assert found[plain] == pytest.approx(known[plain], abs=1e-12)
    for ours, theirs in zip(found["annotators"], known["annotators"], strict=True):
        assert {*ours} == {*theirs}
        for key, value in theirs.items():
            assert ours[key] == pytest.approx(value, abs=1e-12), key


def test_the_number_by_identity_stands_beside_the_protocols(folders: tuple[Path, Path]) -> None:
    result = ref_davis17.score(*folders, Options(threads=2))
    assert list(result.summary.index) == [*ref_davis17.ANNOTATORS, "mean", "identity (not the protocol)"]
    assert result.summary.loc["mean", "J&F"] > result.summary.loc["identity (not the protocol)", "J&F"]
    assert result.found == result.wanted == 4 * 52
    assert set(result.rows["expression"]) >= {"anno_0/1", "anno_3/4"}


def test_void_is_forgiven_by_the_protocol_and_not_by_identity(tmp_path: Path, write: Any) -> None:
    """A quarter is the object and the next one void; both are predicted as the object."""
    truth = np.repeat(np.array([1, 255, 0, 0], np.uint8), 10)[None, :, None].repeat(3, axis=0).repeat(30, axis=2)
    prediction = np.where(truth > 0, 1, 0).astype(np.uint8)
    for annotator in ref_davis17.ANNOTATORS:
        write(tmp_path / "p" / annotator, {"v": prediction})
    found = ref_davis17.score(write(tmp_path / "t", {"v": truth}), tmp_path / "p", Options()).numbers
    assert found["mean_J"] == 1
    assert found["not_the_protocol_identity_matching_no_void"]["J"] == 0.5


def test_a_missing_annotator_is_refused_in_any_case(folders: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders[1], tmp_path / "predictions"))
    shutil.rmtree(copy / "anno_2")
    with pytest.raises(ValueError, match="anno_2 does not exist"):
        ref_davis17.score(folders[0], copy, Options(missing="empty"))


def test_a_fifth_annotator_is_refused_or_left_out(folders: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders[1], tmp_path / "predictions"))
    shutil.copytree(copy / "anno_0", copy / "anno_4")
    with pytest.raises(ValueError, match=r"1 unknown.*anno_4 is no annotator"):
        ref_davis17.score(folders[0], copy, Options())
    admitted = ref_davis17.score(folders[0], copy, Options(missing="empty"))
    assert admitted.numbers == ref_davis17.score(*folders, Options()).numbers


def test_a_missing_video_of_one_annotator_is_empty_masks(folders: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folders[1], tmp_path / "predictions"))
    shutil.rmtree(copy / "anno_0" / "vid4")
    with pytest.raises(ValueError, match=r"1 missing.*vid4 has none of the 12 masks"):
        ref_davis17.score(folders[0], copy, Options())
    result = ref_davis17.score(folders[0], copy, Options(missing="empty"))
    assert result.numbers["annotators"][0]["J_per_object"]["vid4_1"] == 0
    assert (result.found, result.wanted) == (208 - 12, 208)
