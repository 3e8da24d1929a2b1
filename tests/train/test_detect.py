"""Trials that are scored by detections. Oracles: a model whose masks and scores are known, and masks asked for one by one."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import a2d_tree
import jhmdb_tree
import numpy as np
import pandas as pd
import pytest
import torch

from vdit.benchmarks import a2d_sentences
from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.config.trial import Trial
from vdit.model.batch import Batch
from vdit.record import scores
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan
from vdit.train.detect import detect
from vdit.train.evaluate import check
from vdit.train.group import Member
from vdit.train.predict import Inference, clips
from vdit.train.session import Session
from vdit.video import Expression, Sample

ALONE = Member(0, 1, torch.device("cpu"))
STUDY = """
study: {name}
preset: miniature
{start}
data: {{benchmark: {benchmark}, frames: {frames}, train_split: {train}, eval_split: {test}}}
train: {{{steps}}}
evaluate: {{light: [], drift_clips: 0, max_side: 0, pad: 32}}
arms: {{VD-IT: {{prompt: image+text, noise: predicted}}}}
"""
A2D = {"name": "a2d", "start": "", "benchmark": "a2d_sentences", "frames": "5", "train": "train", "test": "test", "steps": "max_steps: 1"}
IMAGES = {**A2D, "name": "images", "benchmark": "refcoco", "frames": "1", "test": "refcoco/val"}
JHMDB = {**A2D, "name": "jhmdb", "start": "start: a2d", "benchmark": "jhmdb_sentences", "train": "test"}


class Halves:
    """Query q is true on the left q+1 quarters of 32 pixels; its visibility is q."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.seen = 0
        self.frozen = SimpleNamespace(device=torch.device("cpu"))

    def eval(self) -> None:
        pass

    def see(self, batch: Batch) -> int:
        assert batch.annotated_B is not None and batch.annotated_B.tolist() == [1] and batch.targets is None
        self.seen += 1
        return self.seen

    def predict(self, batch: Batch, keep: Literal["all", "best"], seen: int) -> SimpleNamespace:
        assert seen == self.seen
        self.asked += [(caption, keep) for caption in batch.captions]
        logits = torch.full((1, 1, 3, *batch.frames_BT3HW.shape[-2:]), -9.0)
        for query in range(3):
            logits[:, :, query, :, : 8 * (query + 1)] = 9.0
        return SimpleNamespace(masks_BTQHW=logits, logits_BTQ=torch.tensor([[[0.0, 1.0, 2.0]]]))


def test_every_query_has_a_mask_at_the_frames_size_and_a_score() -> None:
    model = Halves()
    frames, masks = np.zeros((3, 32, 32, 3), np.uint8), np.zeros((3, 32, 32), bool)
    sample = Sample("v", "0", "unused", frames, masks, np.zeros((3, 4), np.float32), np.zeros(3, bool), 0, 1)
    said = (Expression("a", "A  red box", 1), Expression("b", "b", 1))
    found = detect(model, sample, said, Inference(64, 64, Evaluate(), "lower"))  # type: ignore[arg-type]
    assert list(found) == ["a", "b"] and model.seen == 1 and model.asked == [("a red box", "all"), ("b", "all")]
    assert found["a"].masks_QHW.sum(axis=(1, 2)).tolist() == [64 * 16, 64 * 32, 64 * 48]
    assert found["a"].scores_Q.tolist() == pytest.approx([1 / (1 + np.exp(-q)) for q in range(3)], abs=1e-7)
    assert found["a"].scores_Q.dtype == np.float64


def test_the_best_query_alone_where_that_is_asked_for() -> None:
    model = Halves()
    sample = Sample(
        "v", "0", "", np.zeros((2, 32, 32, 3), np.uint8), np.zeros((2, 32, 32), bool), np.zeros((2, 4)), np.zeros(2, bool), 0, 1
    )
    detect(model, sample, [Expression("a", "a", 1)], Inference(32, 32, Evaluate(queries="best"), "lower"))  # type: ignore[arg-type]
    assert model.asked == [("a", "best")]


@pytest.mark.parametrize(("frames", "annotated"), [(5, 2), (3, 1), (1, 0)])
def test_the_clip_of_a_frame_has_the_length_of_those_in_training(tmp_path: Path, frames: int, annotated: int) -> None:
    split = a2d_sentences.read(a2d_tree.write(tmp_path), "test", frames)
    (sample,) = clips(split, split.videos[0], Trial(arm="VD-IT", data=Data(frames=frames), evaluate=Evaluate(short_side=96)))
    assert sample.frames.shape == (frames, 96, 160, 3) and sample.annotated == annotated
    assert sample.expression == "v_third_f_6_i_0"


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[dict[str, str], Path], Plan]:
    def plan(study: dict[str, str], data: Path) -> Plan:
        path = tmp_path / f"{study['name']}.yaml"
        path.write_text(STUDY.format_map(study))
        made = planning.build(spec.read(str(path), data=data), tmp_path / "runs")
        folder = tmp_path / "runs/studies" / study["name"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.json").write_text(json.dumps(made.document()))
        return made

    return plan


def finish(plan: Plan, runs: Path) -> tuple[Path, Session]:
    session, place = Session(ALONE, runs), prepare(plan.trials[0], plan, runs)
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
    return place, session


def asked_one_by_one(session: Session) -> pd.DataFrame:
    """All masks of the trial's model, each computed on its own, counted pixel by pixel."""
    trial, split, model = session.ticket.trial, session.valid, session.loop.model
    rows = []
    for video in split.videos:
        (sample,) = clips(split, video, trial)
        for said in video.expressions:
            truth = split.masks(video, (video.annotated or 0,), said.object)[0]
            how = Inference(*truth.shape, trial.evaluate, trial.data.captions)
            found = detect(model, sample, [said], how)[said.id]
            for query, (score, mask) in enumerate(zip(found.scores_Q, found.masks_QHW, strict=True)):
                rows.append((said.id, query, score, int((mask & truth).sum()), int((mask | truth).sum())))
    return pd.DataFrame(rows, columns=["image", "query", "score", "intersection", "union"])


@pytest.mark.usefixtures("process_group")
def test_a_trial_on_a2d_ends_with_instances(planned: Callable[[dict[str, str], Path], Plan], tmp_path: Path) -> None:
    place, session = finish(planned(A2D, a2d_tree.write(tmp_path / "a2d_sentences")), tmp_path / "runs")
    table = scores.read(place / "instances.parquet")
    assert table["image"].unique().tolist() == ["v_third_f_2_i_0", "v_third_f_6_i_0", "v_third_f_6_i_3"]
    assert table["query"].tolist() == [0, 1, 2, 3, 4] * 3
    pd.testing.assert_frame_equal(table, asked_one_by_one(session).sort_values(["image", "query"], ignore_index=True), check_dtype=False)
    assert not (place / "scores.parquet").exists() and not (place / "parts").exists()
    best = table.loc[table.groupby("image")["score"].idxmax()]
    metrics = json.loads((place / "result.json").read_text())["metrics"]
    assert list(metrics) == ["mAP 0.5:0.95", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "overall_iou", "mean_iou"]
    assert metrics["overall_iou"] == best["intersection"].sum() / best["union"].sum()
    assert metrics["mean_iou"] == pytest.approx((best["intersection"] / best["union"]).mean(), abs=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("process_group")
def test_a_trial_on_jhmdb_measures_what_one_on_a2d_has_trained(planned: Callable[[dict[str, str], Path], Plan], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    _, session = finish(planned(A2D, a2d_tree.write(tmp_path / "a2d_sentences")), runs)
    before = session.loop.gather()
    study = {**JHMDB, "steps": "epochs: 0, max_steps: 0, class_head: keep"}
    place, session = finish(planned(study, jhmdb_tree.write(tmp_path / "jhmdb_sentences")), runs)
    assert all(torch.equal(value, before[name]) for name, value in session.loop.gather().items() if name.startswith("parameter/"))
    assert scores.read(place / "instances.parquet")["image"].nunique() == 4
    assert json.loads((place / "result.json").read_text())["steps"] == 0


@pytest.mark.usefixtures("process_group")
def test_a_trial_on_images_ends_with_instances(planned: Callable[[dict[str, str], Path], Plan], coco: Path, tmp_path: Path) -> None:
    place, session = finish(planned(IMAGES, coco), tmp_path / "runs")
    table = scores.read(place / "instances.parquet")
    assert table["image"].unique().tolist() == [f"refcoco-val-{number:06d}" for number in (1, 2, 3, 4)]
    pd.testing.assert_frame_equal(table, asked_one_by_one(session), check_dtype=False)


@pytest.mark.usefixtures("process_group")
def test_an_evaluation_goes_on_where_it_was_cut_off(planned: Callable[[dict[str, str], Path], Plan], tmp_path: Path) -> None:
    runs, plan = tmp_path / "runs", planned(A2D, a2d_tree.write(tmp_path / "a2d_sentences"))
    session, place = Session(ALONE, runs), prepare(plan.trials[0], plan, runs)
    session.open(place)
    for _ in range(2):
        session.advance()
    (part,) = (place / "parts").iterdir()
    written = part.stat().st_mtime_ns
    again = Session(ALONE, runs)
    again.open(place)
    again.advance()
    assert part.stat().st_mtime_ns == written
    assert not again.advance().finished
    assert again.advance().finished
    assert len(scores.read(place / "instances.parquet")) == 15


@pytest.mark.parametrize(("light", "drift_clips"), [((0.1,), 0), ((), 3)])
def test_figures_of_videos_are_refused_for_single_frames(tmp_path: Path, light: tuple[float, ...], drift_clips: int) -> None:
    split = a2d_sentences.read(a2d_tree.write(tmp_path), "test", 5)
    trial = Trial(arm="VD-IT", evaluate=Evaluate(light=light, drift_clips=drift_clips))
    with pytest.raises(ValueError, match=r"scored by detections in single frames, but .* set light: \[\] and drift_clips: 0"):
        check(trial, split)
    check(Trial(arm="VD-IT", evaluate=Evaluate(light=(), drift_clips=0)), split)
