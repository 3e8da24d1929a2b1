"""`vdit pretrain` as a user meets it. Oracle: what the same recipe gives in one process, undisturbed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from vdit import cli
from vdit.commands import pretrain
from vdit.pretrain.graph import GRAPH
from vdit.pretrain.recipe import Pretraining, read
from vdit.schedule import cluster, pretraining
from vdit.schedule.pretraining import entry
from vdit.track.memory import Memory
from vdit.track.mlflow import MLflow, default_uri

Start = Callable[..., subprocess.Popen[str]]
VDIT = Path(sys.executable).parent / "vdit"
WAIT_SECONDS = 240


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    # Sockets have short names: Ray's folder cannot lie deep below pytest's.
    temporary = tempfile.mkdtemp(prefix="vdit")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_TMPDIR": temporary}
    environment.pop("RAY_ADDRESS", None)

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [str(VDIT), "--runs", str(tmp_path / "runs"), "pretrain", *arguments]
        return subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, cwd=tmp_path
        )

    yield begin
    shutil.rmtree(temporary, ignore_errors=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_SECONDS)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("minature",), "did you mean 'miniature'?"),
        (("miniature", "--stage", "denoisr"), "no stage 'denoisr'; did you mean 'denoiser'?"),
        (("--stage", "denoiser", "miniature"), "stage denoiser needs clips and autoencoder and towers, which are not done"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(start: Start, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = ended(start(*arguments))
    assert code == 2 and said in err and "Traceback" not in err + out, err
    assert len(err.strip().splitlines()) == 1


def test_a_folder_that_is_somebodys_is_refused_before_anything_is_trained(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--runs", str(tmp_path / "runs"), "pretrain", str(recipe_file), "--local", "--to", str(recipe_file.parent)]
    assert cli.main(arguments) == 2
    assert "holds something else than a pretrained checkpoint" in capsys.readouterr().err
    assert recipe_file.is_file() and not (tmp_path / "runs/pretrain").exists()


def test_a_checkpoint_that_is_asked_for_too_early_is_said_to_lack_stages(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretrain, "open_record", lambda *_: Record())
    arguments = [
        "--runs",
        str(tmp_path / "runs"),
        "pretrain",
        str(recipe_file),
        "--local",
        "--stage",
        "clips",
        "--to",
        str(tmp_path / "to"),
    ]
    assert cli.main(arguments) == 0
    assert "no checkpoint yet: words, autoencoder, towers, denoiser, swin to be trained" in capsys.readouterr().out
    assert not (tmp_path / "to").exists()


@pytest.mark.slow
def test_on_ray_interrupted_and_resumed_it_gives_the_weights_of_one_process(
    start: Start, recipe_file: Path, finished: Pretraining, tmp_path: Path
) -> None:
    first = start(str(recipe_file))
    folder = read(str(recipe_file), tmp_path / "runs").folder
    deadline = time.monotonic() + WAIT_SECONDS
    while not list(folder.glob("*/result.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    code, _, err = ended(first)
    assert code == 130 and "Traceback" not in err, err
    code, out, err = ended(start(str(recipe_file), "--to", str(tmp_path / "kept")))
    assert code == 0, out + err
    assert "of 6 stages are done" in out and "0 of 6" not in out and " MB; weights " in out
    for stage in GRAPH:
        if stage != "clips":
            mine, expected = (place / "weights.safetensors" for place in (folder / stage, finished.place(stage).folder))
            assert mine.read_bytes() == expected.read_bytes(), stage
    assert json.loads((tmp_path / "kept/vdit.json").read_text())["trained"]
    recorded(tmp_path / "runs", folder)


def recorded(runs: Path, folder: Path) -> None:
    """A run for the recipe, one below it for each stage, with its curve."""
    record = MLflow(default_uri(runs), runs)
    (parent,) = record.client.search_runs([record.experiment], "tags.`vdit.kind` = 'pretrain'")
    stages = record.client.search_runs([record.experiment], "tags.`vdit.kind` = 'stage'")
    assert {run.data.tags["mlflow.parentRunId"] for run in stages} == {parent.info.run_id}
    assert {run.data.tags["vdit.arm"]: run.info.status for run in stages} == dict.fromkeys(GRAPH, "FINISHED")
    (towers,) = (run for run in stages if run.data.tags["vdit.arm"] == "towers")
    losses = record.client.get_metric_history(towers.info.run_id, "loss")
    rows = [json.loads(line) for line in (folder / "towers/metrics.jsonl").read_text().splitlines()]
    assert [(metric.step, metric.value) for metric in losses] == [(row["step"], row["loss"]) for row in rows]
    assert towers.data.params["training.steps"] == "6" and "held_out/loss" in towers.data.metrics
    assert record.finished() == set(), "a stage is no trial"


@pytest.mark.slow
def test_another_recipe_takes_the_stages_in_which_it_agrees(start: Start, edited: Callable[..., Path], tmp_path: Path) -> None:
    assert ended(start(str(edited()), "--local"))[0] == 0
    code, out, _ = ended(start(str(edited(("denoiser: {steps: 6", "denoiser: {steps: 7"))), "--local"))
    assert code == 0 and "5 of 6 stages are done" in out
    assert [line for line in out.splitlines() if "starting" in line] == ["denoiser: starting"]
    code, out, _ = ended(start(str(edited(("denoiser: {steps: 6", "denoiser: {steps: 7")))))
    assert code == 0 and "6 of 6" in out and "starting" not in out
    (tmp_path / "runs/mlflow.db").unlink()
    code, out, _ = ended(start(str(edited())))
    assert code == 0 and "starting" not in out
    recorded(tmp_path / "runs", read(str(edited()), tmp_path / "runs").folder)
    shutil.rmtree(tmp_path / "runs/pretrain/clips")
    code, out, _ = ended(start(str(edited())))
    assert code == 0 and "starting" not in out, "nobody is left to train on the clips"


class Record(Memory):
    """Remembers how it was closed."""

    ended: str = ""

    def close(self, status: str) -> str:
        self.ended = status
        return ""


def test_stages_that_an_earlier_record_missed_are_told_of_although_nothing_is_left_to_train(
    recipe_file: Path, finished: Pretraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished.runs, tmp_path / "runs")
    record = Record()
    monkeypatch.setattr(pretrain, "open_record", lambda *_: record)
    assert cli.main(["--runs", str(tmp_path / "runs"), "pretrain", str(recipe_file), "--local"]) == 0
    plan = read(str(recipe_file), tmp_path / "runs")
    assert record.finished == {plan.keys[stage]: plan.place(stage).folder for stage in GRAPH} and record.ended == "FINISHED"


def test_the_record_looks_for_a_stages_curve_in_the_stages_folder(
    recipe_file: Path, finished: Pretraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MLflow, "__init__", lambda *_: None)
    monkeypatch.setattr(MLflow, "study", lambda *_: None)
    monkeypatch.setattr(MLflow, "close", lambda *_: None)
    spool = pretrain.open_record(finished, "", Console(quiet=True))
    for stage in GRAPH:
        assert spool.place(entry(finished, stage)) == finished.place(stage).folder
    assert spool.close("FINISHED") == ""


def test_a_stage_that_is_lost_is_no_bad_input(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost(*_: object) -> None:
        raise pretraining.StageError("stage clips: its worker was lost")

    monkeypatch.setattr(pretrain, "open_record", lambda *_: Record())
    monkeypatch.setattr(cluster, "attach", lambda where: "")
    monkeypatch.setattr(pretraining, "on_ray", lost)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert cli.main(["--runs", str(tmp_path / "runs"), "pretrain", str(recipe_file)]) == 1
    assert capsys.readouterr().err == "vdit: stage clips: its worker was lost\n"
