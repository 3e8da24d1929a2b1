"""What an evaluation writes of a video. Oracle: a model that finds exactly what the words say, so that every area is known by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.record import scores
from vdit.train import evaluate
from vdit.train.clock import Clock
from vdit.train.evaluate import Evaluation, check
from vdit.train.group import Member
from vdit.video import Expression, Masks, Video

FRAMES = ("00000", "00005")
# The columns of a picture of 4x16 that each object fills: 4 and 6 of them, 2 in both.
COLUMNS = {1: slice(0, 4), 2: slice(2, 8)}
VIDEOS = (
    Video("alone", FRAMES, (Expression("0", "the red one", 1),)),
    Video("both", FRAMES, (Expression("0", "the red one", 1), Expression("1", "the blue one", 2))),
)


def masks(video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
    found = np.zeros((len(indices), 4, 16), bool)
    found[:, :, COLUMNS[object_id]] = True
    return found


def found(_: object, __: object, said: tuple[Expression, ...], *___: object) -> tuple[dict[str, Masks], dict[str, Masks]]:
    """The surest query has what the words say, the closest everything."""
    return {one.id: masks(VIDEOS[1], (0, 1), one.object) for one in said}, {one.id: np.ones((2, 4, 16), bool) for one in said}


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluation:
    """Two videos, no light, no clips to follow."""
    split: Any = SimpleNamespace(evaluation="frames", videos=VIDEOS, masks=masks)
    trial: Any = SimpleNamespace(data=Data(), evaluate=Evaluate(light=(), drift_clips=0))
    model: Any = None
    monkeypatch.setattr(evaluate, "clips", lambda *_: [])
    monkeypatch.setattr(evaluate.closest, "of_video", found)
    monkeypatch.setattr(evaluate.clustered, "rows", lambda *_: pd.DataFrame(columns=scores.SCHEMAS["clusters"].names))
    made = Evaluation(trial, model, split, tmp_path, Member(0, 1, torch.device("cpu")), clock=Clock())
    while made.remaining():
        made.advance()
    return made


def test_each_truth_is_scored_against_the_masks_of_its_own_words_and_of_anothers(evaluation: Evaluation, tmp_path: Path) -> None:
    assert evaluation.merge() == {"j": 100, "f": 100, "jf": 100}
    table = scores.read(tmp_path / "shuffled.parquet")
    areas = ["video", "expression", "frame", "area_truth", "area_prediction", "intersection", "j"]
    # The first object has 4x4 pixels, the second 4x6, and 4x2 are in both.
    assert table[areas].values.tolist() == [
        ["both", expression, frame, truth, other, 8, 8 / 32]
        for expression, truth, other in (("0", 16, 24), ("1", 24, 16))
        for frame in FRAMES
    ]


def test_each_truth_is_scored_against_the_closest_query_too(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.merge()
    table = scores.read(tmp_path / "closest.parquet")
    assert table[["video", "expression", "area_truth", "area_prediction", "j"]].drop_duplicates().values.tolist() == [
        ["alone", "0", 16, 64, 16 / 64],
        ["both", "0", 16, 64, 16 / 64],
        ["both", "1", 24, 64, 24 / 64],
    ]


def labels(video: Video, indices: tuple[int, ...]) -> np.ndarray:
    """The second frame shows no object."""
    found = np.zeros((len(indices), 4, 16), np.uint8)
    found[[index != 1 for index in indices]] = 1
    return found


@pytest.mark.parametrize(("frames", "refused"), [(1, False), (2, True), (8, True)])
def test_clips_that_no_video_has_are_refused_before_training(frames: int, refused: bool) -> None:
    split: Any = SimpleNamespace(evaluation="frames", videos=VIDEOS, labels=labels)
    trial: Any = SimpleNamespace(data=Data(), evaluate=Evaluate(light=(), drift_clips=4, drift_frames=frames))
    if not refused:
        return check(trial, split)
    with pytest.raises(ValueError) as caught:
        check(trial, split)
    message = str(caught.value)
    assert all(part in message for part in (f"evaluate.drift_frames is {frames}", "longest video, alone, has 2", "drift_clips: 0"))


def test_labels_that_cannot_be_drawn_are_refused_before_training() -> None:
    def overlap(video: Video, indices: tuple[int, ...]) -> np.ndarray:
        if video.id == "both":
            raise ValueError("sets of objects that overlap")
        return labels(video, indices)

    split: Any = SimpleNamespace(evaluation="frames", videos=VIDEOS, labels=overlap)
    trial: Any = SimpleNamespace(data=Data(), evaluate=Evaluate(light=(), drift_clips=1, drift_frames=1))
    with pytest.raises(ValueError, match="overlap"):
        check(trial, split)
    trial.evaluate = Evaluate(light=(), drift_clips=0)
    check(trial, split)
