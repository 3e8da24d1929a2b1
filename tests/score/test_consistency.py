"""MCS and VC of whole folders. Oracles: their definitions spelled out over all windows of all videos, and the metric on arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vdit.metrics import video_consistency
from vdit.score import davis_semisupervised, davis_unsupervised, identity, per_expression
from vdit.score._trees import AHEAD
from vdit.score.result import Options

Labels = NDArray[np.uint8]
Videos = dict[str, Labels]


@pytest.fixture
def videos() -> tuple[Videos, Videos]:
    """Truth and predictions of a long video, more frames than are read ahead, and a short one: labels that now and then change."""
    rng = np.random.default_rng(0)
    found: tuple[Videos, Videos] = ({}, {})
    for name, frames in (("long", AHEAD + 9), ("short", 9)):
        steady = np.tile(rng.integers(0, 3, (1, 12, 10), np.uint8), (frames, 1, 1))
        steady[0, 0, :2] = 1, 2
        for kind in found:
            kind[name] = np.where(rng.random(steady.shape) < 0.03, 2 - steady, steady).astype(np.uint8)
    return found


def shares(prediction: Labels, truth: Labels, window: int) -> list[float]:
    """Of every window."""
    found = []
    for start in range(len(truth) - window + 1):
        ours, theirs = ((labels[start : start + window] == labels[start]).all(axis=0) for labels in (prediction, truth))
        found.append((ours & theirs).sum() / theirs.sum())
    return found


@pytest.mark.parametrize("threads", [1, 3])
def test_windows_of_all_videos_are_pooled(videos: tuple[Videos, Videos], write: Any, tmp_path: Path, threads: int) -> None:
    truth, prediction = videos
    found = identity.score(write(tmp_path / "t", truth), write(tmp_path / "p", prediction), Options(threads=threads)).numbers
    for window in (8, 16):
        every = [share for name in truth for share in shares(prediction[name], truth[name], window)]
        assert found[f"VC_{window}"] == pytest.approx(np.mean(every), abs=1e-12)
        assert 0.3 < found[f"VC_{window}"] < 1
    alone = video_consistency.measure(prediction["long"], truth["long"], 16)
    assert found["VC_16"] == pytest.approx(alone, abs=1e-12), "the short video has no window of 16"


def test_the_frames_of_the_protocol_are_seen_and_names_of_objects_do_not_matter(
    videos: tuple[Videos, Videos], write: Any, tmp_path: Path
) -> None:
    truth, prediction = videos
    folders = write(tmp_path / "t", truth), write(tmp_path / "p", prediction)
    swapped = write(tmp_path / "s", {name: np.array([0, 2, 1], np.uint8)[labels] for name, labels in prediction.items()})
    every, renamed = (davis_unsupervised.score(folders[0], given, Options()).numbers for given in (folders[1], swapped))
    assert every["VC_8"] == renamed["VC_8"] and every["MCS_0.9"] == renamed["MCS_0.9"]
    inner = [share for name in truth for share in shares(prediction[name][1:-1], truth[name][1:-1], 8)]
    assert davis_semisupervised.score(*folders, Options()).numbers["VC_8"] == pytest.approx(np.mean(inner), abs=1e-12)


def test_an_expressions_mask_is_seen_alone(videos: tuple[Videos, Videos], write: Any, tmp_path: Path) -> None:
    masks = [{name: {str(one): 255 * (labels == one) for one in (1, 2)} for name, labels in kind.items()} for kind in videos]
    for folder, kind in zip("tp", masks, strict=True):
        for name, expressions in kind.items():
            write(tmp_path / folder / name, {one: labels.astype(np.uint8) for one, labels in expressions.items()})
    found = per_expression.score(tmp_path / "t", tmp_path / "p", Options()).numbers
    every = [share for name in masks[0] for one in ("1", "2") for share in shares(masks[1][name][one], masks[0][name][one], 8)]
    assert found["VC_8"] == pytest.approx(np.mean(every), abs=1e-12)


def test_one_bad_frame_costs_an_object_its_mcs(write: Any, tmp_path: Path) -> None:
    truth = np.zeros((4, 20, 20), np.uint8)
    truth[:, :10, :10], truth[:, 10:, 10:] = 1, 2
    prediction = truth.copy()
    prediction[2, 10:, 12:] = 0  # J of object 2 is 0.2 here and 1 elsewhere
    prediction[:, 0, 0] = 0  # J of object 1 is 0.99
    result = identity.score(write(tmp_path / "t", {"v": truth}), write(tmp_path / "p", {"v": prediction}), Options())
    assert result.numbers["MCS_0.9"] == 0.5 and result.summary["MCS 0.9"].tolist() == [50]
    assert result.numbers["VC_8"] is None and "VC 8" not in result.summary, "four frames have no window"
