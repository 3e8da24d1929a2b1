"""The semi-supervised protocol against the public evaluator's values for the recorded videos."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.score import _labelled, _objects, davis_semisupervised
from vdit.score._pairs import same_ids
from vdit.score._trees import Clip
from vdit.score.result import Options


def test_every_recorded_object_is_equal(expected: dict[str, Any], cases: dict[str, Any]) -> None:
    seen = 0
    for name, case in expected["jf"].items():
        if "davis_semisupervised" not in case:  # the evaluator stopped at an id above the truth's
            assert name == "ids_excess"
            continue
        truth, prediction = cases["gt"][name][1:-1], cases["pred"][name][1:-1]
        frames = [same_ids(ours, theirs) for ours, theirs in zip(prediction, truth, strict=True)]
        clip = Clip(name, tuple(map(str, range(len(truth)))), Path(), ())
        tracks = _labelled.fixed(clip, frames, range(1, case["n_obj"] + 1))
        for measure in ("J", "F"):
            found = _objects.per_video(tracks)[name][measure]
            np.testing.assert_allclose(found, case["davis_semisupervised"][measure], rtol=0, atol=1e-12)
        seen += len(tracks)
    assert seen == 75


def test_folders_give_the_same_without_first_and_last_frame(expected: dict[str, Any], trees: tuple[Path, Path]) -> None:
    result = davis_semisupervised.score(*trees, Options(missing="empty", threads=2))
    for name in ("r480_b", "late_object", "void_ring", "void_everything_once", "ids_permuted", "ids_missing"):
        found, known = result.numbers["jf"][name]["davis_semisupervised"], expected["jf"][name]["davis_semisupervised"]
        assert found["J"] == pytest.approx(known["J"], abs=1e-12)
        assert found["F"] == pytest.approx(known["F"], abs=1e-12)
    assert result.found == result.wanted == sum(case["shape"][0] - 2 for case in expected["jf"].values())


def test_an_id_above_the_truths_is_refused(trees: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match=r"ids_excess has the ids \[4, 5\]"):
        davis_semisupervised.score(*trees, Options())


def test_a_video_of_two_frames_has_nothing_to_score(tmp_path: Path, write: Any) -> None:
    tree = write(tmp_path / "truth", {"short": np.ones((2, 9, 9), np.uint8)})
    with pytest.raises(ValueError, match="short has 2 frames"):
        davis_semisupervised.score(tree, tree, Options())


def test_the_first_frame_says_which_objects_there_are(tmp_path: Path, write: Any) -> None:
    """Object 2 is in the first frame, which is not scored, and nowhere else; object 3 comes later."""
    truth = np.zeros((4, 20, 30), np.uint8)
    truth[:, :5, :5], truth[0, 10:, 10:], truth[2:, 10:, :9] = 1, 2, 3
    tree = write(tmp_path / "truth", {"bear": truth})
    prediction = write(tmp_path / "predictions", {"bear": np.where(truth == 3, 0, truth).astype(np.uint8)})
    result = davis_semisupervised.score(tree, prediction, Options())
    assert result.numbers["J_per_object"] == {"bear_1": 1, "bear_2": 1}
    assert [str(problem) for problem in result.problems] == [
        f"{tree / 'bear'} shows the objects [3] only after its first frame; they are not scored, as DAVIS counts objects"
    ]
