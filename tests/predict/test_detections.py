"""Splits scored by detections, predicted. Oracles: the trial's own instances.parquet and numbers, and pycocotools on the two files."""

import contextlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import a2d_tree
import jhmdb_tree
import numpy as np
import pandas as pd
import pytest
import torch
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vdit import cli, registry
from vdit.predict.benchmark import claim
from vdit.predict.detections import Job, finish
from vdit.record import instances, scores
from vdit.schedule.run import prepare
from vdit.score import detections
from vdit.score.result import Options
from vdit.study import plan as planning
from vdit.study import spec
from vdit.submit import coco as files
from vdit.train import detect, trained
from vdit.train.group import Member
from vdit.train.session import Session

STUDY = """
study: {benchmark}
preset: miniature
data: {{benchmark: {benchmark}, frames: 3, train_split: train, eval_split: {test}}}
train: {{max_steps: 1}}
evaluate: {{light: [], drift_clips: 0, max_side: 0, pad: 32, threshold: 0.48}}
arms: {{VD-IT: {{prompt: image+text, noise: predicted}}}}
"""


def run(root: Path, benchmark: str, data: Path, test: str) -> Job:
    """Trains on a benchmark for one step, measures on its split, and asks for that split."""
    study, runs = root / f"{benchmark}.yaml", root / "runs"
    study.write_text(STUDY.format(benchmark=benchmark, test=test))
    plan = planning.build(spec.read(str(study), data=data), runs)
    session, place = Session(Member(0, 1, torch.device("cpu")), runs), prepare(plan.trials[0], plan, runs)
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
    model = trained.load(place, runs, torch.device("cpu"))
    return Job(model, registry.find("benchmarks", benchmark).read(data, test, 3), root / "out")


@pytest.fixture(scope="module")
def a2d_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a2d")


@pytest.fixture(scope="module")
def a2d_once(a2d_root: Path, process_group: None) -> Job:
    """Trained once for all tests; read only."""
    return run(a2d_root, "a2d_sentences", a2d_tree.write(a2d_root / "a2d"), "test")


@pytest.fixture
def a2d(a2d_once: Job, tmp_path: Path) -> Job:
    return replace(a2d_once, out=tmp_path / "out")


def check(job: Job, runs: Path) -> None:
    """The files give what the trial recorded, to the last bit, and what COCO's evaluation makes of them."""
    assert len(list(finish(job))) == len(job.split.videos)
    assert sorted(path.name for path in job.out.iterdir()) == ["coco.json", "results.json"]
    scored = detections.score(job.out / "coco.json", job.out / "results.json", Options())
    (place,) = (runs / "trials").iterdir()
    recorded = scores.read(place / "instances.parquet")
    again = scored.rows.sort_values(["image", "query"], ignore_index=True)
    pd.testing.assert_frame_equal(again, recorded, check_exact=True, check_dtype=False)
    assert recorded["intersection"].sum() > 0 and recorded["score"].nunique() > 5, "the comparison must see something"
    metrics = json.loads((place / "result.json").read_text())["metrics"]
    assert {name: scored.numbers[name] for name in metrics} == metrics
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(job.out / "coco.json"))
        public = COCOeval(truth, truth.loadRes(str(job.out / "results.json")), "segm")
        public.params.useCats = 0
        public.evaluate()
        public.accumulate()
        public.summarize()
    named = ("mAP 0.5:0.95", "AP 0.5", "AP 0.75", "mAP S", "mAP M", "mAP L")
    assert [scored.numbers[name] for name in named] == pytest.approx(public.stats[:6].tolist(), abs=1e-12)


def test_a2ds_files_give_the_trials_own_numbers(a2d: Job, a2d_root: Path) -> None:
    check(a2d, a2d_root / "runs")


@pytest.mark.usefixtures("process_group")
def test_refcocos_files_give_the_trials_own_numbers(coco: Path, tmp_path: Path) -> None:
    check(run(tmp_path, "refcoco", coco, "refcoco/val"), tmp_path / "runs")


def test_jhmdb_is_predicted_by_a_trial_on_a2d(a2d: Job, tmp_path: Path) -> None:
    """Masks and scores are those of the model asked directly, run lengths decoded by COCO's library."""
    trial = a2d.trained.ticket.trial
    root = jhmdb_tree.write(tmp_path / "jhmdb")
    job = replace(a2d, split=registry.find("benchmarks", "jhmdb_sentences").read(root, "test", 3))
    list(finish(job))
    results = json.loads((job.out / "results.json").read_text())
    tables = []
    for video in job.split.videos:
        for name, its, truth_HW in detect.of_video(job.trained.model, job.split, video, trial):
            mine = [entry for entry in results if entry["image_id"] == name]
            assert [entry["score"] for entry in mine] == its.scores_Q.tolist()
            assert np.array_equal([mask.decode(entry["segmentation"]) for entry in mine], its.masks_QHW)
            tables.append(instances.rows(name, its.scores_Q, its.masks_QHW, truth_HW))
    assert len(results) == 5 * len(job.split.videos)
    scored = detections.score(job.out / "coco.json", job.out / "results.json", Options()).numbers
    direct = detect.measure(pd.concat(tables))
    assert {name: scored[name] for name in direct} == direct


def test_it_goes_on_where_it_was_stopped(a2d: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(finish(a2d))
    part = files.part(a2d.out, 0)
    written = part.stat().st_mtime_ns
    assert first == a2d.split.videos[0] and a2d.missing() == [1]

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(files, "listed", full)
        with pytest.raises(OSError, match="disk full"):
            list(finish(a2d))
    assert [path.name for path in a2d.out.iterdir()] == ["parts"] and part.stat().st_mtime_ns == written
    assert not list(finish(a2d)) and files.finished(a2d.out)
    results = (a2d.out / "results.json").read_text()
    # Stopped between the results and the end: what is left is taken away, nothing is written again.
    part.parent.mkdir()
    assert not list(finish(a2d)) and not part.parent.exists()
    assert (a2d.out / "results.json").read_text() == results


def test_a_folder_is_one_models_on_one_listing(a2d: Job, a2d_root: Path) -> None:
    claim(a2d, a2d_root / "runs", "a2d_sentences", "test")
    claim(a2d, a2d_root / "runs", "a2d_sentences", "test")
    fewer = replace(a2d, split=replace(a2d.split, videos=a2d.split.videos[:1]))
    with pytest.raises(ValueError, match="listing is"):
        claim(fewer, a2d_root / "runs", "a2d_sentences", "test")


def test_the_command_predicts_and_its_files_are_scored(
    a2d: Job, a2d_root: Path, coco: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def vdit(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vdit", "--runs", str(a2d_root / "runs"), *arguments])
        code = cli.main()
        return code, *capsys.readouterr()

    (place,), out = (a2d_root / "runs/trials").iterdir(), str(a2d.out)
    asked = ("predict", "--device", "cpu", "--run", place.name, "--out", out)
    assert vdit(*asked)[:2] == (0, f"{out}: 2 annotated frames predicted, 0 of 2 were done before\n")
    assert vdit(*asked)[:2] == (0, f"{out}: 0 annotated frames predicted, 2 of 2 were done before\n")
    code, _, wrong = vdit(*asked, "--window", "5")
    assert code == 2 and "leave --window out" in wrong
    photographs = ("--benchmark", "refcoco", "--data", str(coco), "--split", "refcoco/val")
    code, _, wrong = vdit(*asked, *photographs)
    assert code == 2 and "benchmark is" in wrong
    code, said, _ = vdit(*asked[:-1], f"{out}2", *photographs)
    assert (code, said) == (0, f"{out}2: 4 annotated frames predicted, 0 of 4 were done before\n")
    code, said, _ = vdit("score", "detections", "--truth", f"{out}2/coco.json", "--predictions", f"{out}2/results.json", "--json")
    assert code == 0 and (json.loads(said)["found"], json.loads(said)["predictions"]) == ([4, 4], 20)


def test_a_mask_without_a_pixel_has_run_lengths_and_a_box() -> None:
    nothing = np.zeros((4, 6), bool)
    one = files.image("a", np.array([0.25]), nothing[None], nothing)
    assert one["annotation"]["area"] == 0 and one["annotation"]["bbox"] == [0, 0, 0, 0]
    assert not mask.decode(one["results"][0]["segmentation"]).any()
    drawn = nothing.copy()
    drawn[1:3, 2:6] = True
    assert files.box(drawn) == mask.toBbox(mask.encode(np.asfortranarray(drawn))).tolist() == [2, 1, 4, 2]
