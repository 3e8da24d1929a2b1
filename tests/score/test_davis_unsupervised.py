"""The unsupervised protocol against the public evaluator's values for the recorded videos, and matching against brute force."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.metrics import contour, region
from vdit.score import _objects, davis_unsupervised
from vdit.score._pairs import every_pair
from vdit.score._trees import Clip
from vdit.score.result import Options

TWO = Options(threads=2)


def test_every_recorded_object_is_equal(expected: dict[str, Any], cases: dict[str, Any]) -> None:
    """Also objects that no frame of the truth shows, which a folder cannot know of. Void ones to the last bit by frame."""
    seen = 0
    for name, case in expected["jf"].items():
        truth, prediction = cases["gt"][name], cases["pred"][name]
        frames = [every_pair(ours, theirs) for ours, theirs in zip(prediction, truth, strict=True)]
        clip = Clip(name, tuple(map(str, range(len(truth)))), Path(), ())
        tracks = davis_unsupervised.assigned(clip, frames, case["n_obj"])
        for measure in ("J", "F"):
            found = _objects.per_video(tracks)[name][measure]
            np.testing.assert_allclose(found, case["davis_unsupervised"][measure], rtol=0, atol=1e-12)
        for track, known in zip(tracks, case["objects"], strict=True):
            if "J_void" in known:
                assert track.j.tolist() == known["J_void"]
                assert track.f.tolist() == known["F_void"]
        seen += len(tracks)
    assert seen == 78


def test_folders_give_the_same(expected: dict[str, Any], trees: tuple[Path, Path]) -> None:
    result = davis_unsupervised.score(*trees, TWO)
    for name, case in expected["jf"].items():
        if name not in ("empty_empty", "empty_gt", "empty_gt_full_pred"):  # no frame of their truth shows an object
            for measure in ("J", "F"):
                found = result.numbers["jf"][name]["davis_unsupervised"][measure]
                assert found == pytest.approx(case["davis_unsupervised"][measure], abs=1e-12), name
    assert {problem.kind for problem in result.problems} == {"remark"}


def test_threads_change_nothing(trees: tuple[Path, Path]) -> None:
    results = [davis_unsupervised.score(*trees, Options(threads=threads)) for threads in (1, 4)]
    assert results[0].numbers == results[1].numbers
    assert results[0].rows.equals(results[1].rows)


@pytest.mark.parametrize("seed", [0, 5, 68])
def test_the_matching_is_the_best_by_j_and_f_together(seed: int, tmp_path: Path, write: Any) -> None:
    """In these videos another pairing is the best by J alone."""
    rng = np.random.default_rng(seed)
    truth, prediction = (np.repeat(np.repeat(rng.integers(0, 3, (3, 5, 6), np.uint8), 7, axis=1), 8, axis=2) for _ in range(2))
    truth[0, 0, 0] = 2
    result = davis_unsupervised.score(write(tmp_path / "t", {"v": truth}), write(tmp_path / "p", {"v": prediction}), TWO)

    def fit(order: tuple[int, ...]) -> tuple[float, float]:
        pairs = [(prediction == ours, truth == theirs) for theirs, ours in enumerate(order, 1)]
        j, f = (float(np.mean([metric.measure(*pair) for pair in pairs])) for metric in (region, contour))
        return j, (j + f) / 2

    best_j, best = (max(permutations((1, 2)), key=lambda order: fit(order)[which]) for which in (0, 1))
    assert best_j != best
    assert (result.numbers["J"], result.numbers["JF"]) == pytest.approx(fit(best), abs=1e-12)


def test_swapped_ids_cost_nothing(tmp_path: Path, write: Any, pair: Any) -> None:
    truth, prediction = pair
    swapped = {name: np.array([0, 2, 1], np.uint8)[labels] for name, labels in prediction.items()}
    results = [
        davis_unsupervised.score(write(tmp_path / "t", truth), write(tmp_path / name, found), TWO)
        for name, found in (("plain", prediction), ("swapped", swapped))
    ]
    assert results[0].numbers["JF"] == results[1].numbers["JF"]
    by_object = [result.rows.sort_values(["video", "expression", "frame"], ignore_index=True) for result in results]
    assert by_object[0].equals(by_object[1])  # rows are named after the objects of the truth
    assert results[1].numbers["J_per_object"] != results[0].numbers["J_per_object"]  # these after the order of the predicted ids


@pytest.mark.parametrize("value", [21, 255])
def test_more_ids_than_the_evaluator_takes_are_refused_in_any_case(value: int, tmp_path: Path, write: Any, pair: Any) -> None:
    truth, prediction = pair
    prediction["camel"][3, 0, 0] = value
    folders = write(tmp_path / "t", truth), write(tmp_path / "p", prediction)
    with pytest.raises(ValueError, match=rf"1 unusable: .*camel has the id {value}, the protocol takes at most 20"):
        davis_unsupervised.score(*folders, Options(missing="empty"))


def test_a_video_whose_first_frame_is_empty_is_scored_and_said(expected: dict[str, Any], trees: tuple[Path, Path]) -> None:
    problems = davis_unsupervised.score(*trees, TWO).problems
    late = [problem for problem in problems if problem.place.endswith("late_object")]
    assert len(late) == 1 and "the public evaluator leaves such a video out" in late[0].problem


def test_an_object_seen_later_is_not_scored_and_said(tmp_path: Path, write: Any, pair: Any) -> None:
    truth, prediction = pair
    truth["bear"][2:, 36:, :8] = 3
    result = davis_unsupervised.score(write(tmp_path / "t", truth), write(tmp_path / "p", prediction), TWO)
    assert list(result.numbers["J_per_object"]) == ["bear_1", "bear_2", "camel_1", "camel_2"]
    assert "shows the objects [3] only after its first frame" in str(result.problems[0])
