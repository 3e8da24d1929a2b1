"""A split predicted by a finished trial. Oracles: the trial's own scores, and train/predict on whole videos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vdit.benchmarks import ref_youtube_vos
from vdit.predict.benchmark import Job, claim, finish
from vdit.record import scores
from vdit.submit.formats import form
from vdit.train.folder import data_folder
from vdit.train.predict import Inference, clips, predict
from vdit.train.trained import Trained


@pytest.fixture
def data(model: Trained, runs: Path) -> Path:
    return data_folder(model.ticket.trial, model.ticket.data, runs)


@pytest.fixture
def job(model: Trained, data: Path, tmp_path: Path) -> Job:
    written = form("miniature")
    return Job(model, written, written.listing(data, "valid"), model.ticket.trial.evaluate, tmp_path / "out")


def test_masks_are_those_of_the_trials_own_evaluation(job: Job, data: Path, place: Path) -> None:
    assert [video.id for video in finish(job)] == ["valid0000", "valid0001"]
    truth = ref_youtube_vos.read(data, "valid", 2)
    tables = []
    for video in truth.videos:
        indices = tuple(range(len(video.frames)))
        for said in video.expressions:
            folder = job.out / "Annotations" / video.id / said.id
            assert sorted(path.stem for path in folder.iterdir()) == list(video.frames)
            images = [Image.open(folder / f"{name}.png") for name in video.frames]
            assert {image.mode for image in images} == {"L"} and {image.size for image in images} == {(64, 32)}
            masks = np.stack([np.asarray(image) for image in images])
            assert set(np.unique(masks)) <= {0, 255}
            tables.append(scores.rows(video.id, said.id, video.frames, masks > 0, truth.masks(video, indices, said.object)))
    again = pd.concat(tables).sort_values(["video", "expression", "frame"], ignore_index=True)
    recorded = scores.read(place / "scores.parquet")
    pd.testing.assert_frame_equal(again, recorded[again.columns])
    assert recorded["area_prediction"].sum() > 0, "the comparison must see something"


def test_masks_are_those_of_whole_videos_in_windows(job: Job, data: Path, model: Trained) -> None:
    (video, *_) = finish(job)
    trial, truth = model.ticket.trial, ref_youtube_vos.read(data, "valid", 2)
    samples = clips(truth, truth.videos[0], trial)
    assert [len(sample.frames) for sample in samples] == [2, 2, 1]
    found = predict(model.model, samples, video.expressions, Inference(32, 64, trial.evaluate, trial.data.captions))
    for name, masks in found.items():
        written = [np.asarray(Image.open(job.out / "Annotations" / video.id / name / f"{frame}.png")) > 0 for frame in video.frames]
        assert np.array_equal(np.stack(written), masks)


def test_a_finished_video_is_not_predicted_again_and_a_begun_one_is(job: Job) -> None:
    first = next(iter(finish(job)))
    mask = next((job.out / "Annotations" / first.id).rglob("*.png"))
    written = mask.stat().st_mtime_ns
    torn = job.out / "Annotations" / ".valid0001.1"
    torn.mkdir()
    assert [video.id for video in finish(job)] == ["valid0001"]
    assert mask.stat().st_mtime_ns == written
    assert not job.missing()


def test_a_video_that_fails_leaves_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such frame")

    monkeypatch.setattr(type(job.split), "frames", broken)
    with pytest.raises(ValueError, match="no such frame"):
        list(finish(job))
    assert not list((job.out / "Annotations").iterdir())


def test_a_folder_is_one_models_with_one_window_on_one_listing(job: Job, runs: Path, model: Trained) -> None:
    claim(job, runs, "miniature", "valid")
    claim(job, runs, "miniature", "valid")
    others = (
        (replace(job, trained=replace(model, parameters="other")), "parameters is"),
        (replace(job, evaluate=replace(job.evaluate, window=3)), "inference is"),
        (replace(job, split=replace(job.split, videos=job.split.videos[:1])), "listing is"),
    )
    for other, said in others:
        with pytest.raises(ValueError, match=said):
            claim(other, runs, "miniature", "valid")


def test_a_longer_video_needs_no_more_memory_at_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decoded at once is a window, whatever the video's length."""
    asked: list[int] = []
    read = type(job.split).frames
    monkeypatch.setattr(type(job.split), "frames", lambda split, video, indices: asked.append(len(indices)) or read(split, video, indices))
    list(finish(job))
    assert asked == [2, 2, 1] * 2
