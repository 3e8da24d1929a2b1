"""Fixed ids against every value that the public evaluators gave for the recorded videos."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.score import _labelled, _objects, identity
from vdit.score._pairs import same_ids
from vdit.score._trees import Clip
from vdit.score.result import Options

ADMIT = Options(missing="empty", threads=2)


def test_every_recorded_object_is_equal(expected: dict[str, Any], cases: dict[str, Any]) -> None:
    """Per frame to the last bit; also objects that no frame of the truth shows, which a folder cannot know of."""
    seen = 0
    for name, case in expected["jf"].items():
        truth, prediction = cases["gt"][name], cases["pred"][name]
        frames = [same_ids(ours, theirs) for ours, theirs in zip(prediction, truth, strict=True)]
        clip = Clip(name, tuple(map(str, range(len(truth)))), Path(), ())
        tracks = _labelled.fixed(clip, frames, [known["id"] for known in case["objects"]])
        for track, known in zip(tracks, case["objects"], strict=True):
            check(_objects.details(track), known)
            seen += len(track.frames)
    assert seen == 465


def check(found: dict[str, Any], known: dict[str, Any]) -> None:
    assert found["id"] == known["id"]
    assert found["J"] == known["J"]
    assert found["F"] == known["F"]
    for key in ("J_mean", "F_mean", "J_recall", "F_recall", "J_decay", "F_decay"):
        if known[key] is not None:  # decay was recorded from four frames on
            assert found[key] == pytest.approx(known[key], abs=1e-12), key


def test_folders_give_the_same(expected: dict[str, Any], trees: tuple[Path, Path]) -> None:
    result = identity.score(*trees, ADMIT)
    means = []
    for name, case in expected["jf"].items():
        if name not in ("empty_empty", "empty_gt", "empty_gt_full_pred"):  # no frame of their truth shows an object
            for found, known in zip(result.numbers["jf"][name]["objects"], case["objects"], strict=True):
                check(found, known)
                means.append((known["J_mean"], known["F_mean"]))
    j, f = np.mean(means, axis=0)
    assert (result.numbers["J"], result.numbers["F"], result.numbers["JF"]) == pytest.approx((j, f, (j + f) / 2), abs=1e-12)
    assert len(result.rows) == sum(len(found["J"]) for one in result.numbers["jf"].values() for found in one["objects"])


def test_an_unknown_id_is_refused_by_name_or_left_out(trees: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match=r"3 unknown.*ids_excess has the ids \[4, 5\], the truth has \[1, 2, 3\]"):
        identity.score(*trees, Options())
    kinds = [problem.kind for problem in identity.score(*trees, ADMIT).problems]
    assert kinds.count("unknown") == 3 and kinds.count("remark") == 3  # three videos without an object
