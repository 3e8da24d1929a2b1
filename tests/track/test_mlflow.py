"""The record in MLflow: whatever is said twice is recorded once; oracle: MLflow's own client."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.track.entry import Entry, RecordLostError
from vdit.track.experiment import alone, make
from vdit.track.mlflow import EXPERIMENT, MLflow, default_uri, probe

CONFIG = {"model": {"prompt": {"kind": "text"}}, "train": {"drops": [6, 8]}}
ENTRY = Entry("k" * 64, "VD-T", 0, {"prompt": "text", "timestep": 50}, "c", "d", "w", "random weights", CONFIG)
PLAN = {"study": "tiny", "notice": "random weights", "trials": [{"key": ENTRY.key}]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all tests of this file: making it takes seconds."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def record(runs: Path) -> MLflow:
    made = MLflow(default_uri(runs), runs)
    made.study(PLAN)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("trial")
    rows = [{"step": step, "time": 1e9 + step, "loss": 10.0 - step} for step in range(4)]
    (place / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place / "result.json").write_text(json.dumps({"key": ENTRY.key, "steps": 4, "metrics": {"jf": 12.5}}))
    (place / "config.json").write_text("{}")
    return place


def test_a_trial_is_one_run_however_often_it_is_recorded(record: MLflow, runs: Path, folder: Path) -> None:
    record.start(ENTRY)
    record.log(ENTRY.key, [{"step": 0, "time": 1e9, "loss": 10.0}, {"step": 1, "time": 1e9, "loss": 9.0}])
    later = MLflow(default_uri(runs), runs)  # the driver died and was started again
    later.study(PLAN)
    later.finish(ENTRY, folder)
    later.finish(ENTRY, folder)
    found = later.client.search_runs([later.experiment], "tags.`vdit.kind` = 'trial'")
    assert [run.data.tags["vdit.key"] for run in found] == [ENTRY.key]
    (run,) = found
    assert run.info.status == "FINISHED"
    assert later.finished() == {ENTRY.key}
    history = later.client.get_metric_history(run.info.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, 10.0 - step) for step in range(4)]
    assert {file.path for file in later.client.list_artifacts(run.info.run_id)} == {"config.json", "result.json", "environment.json"}


def test_steps_that_a_driver_died_before_it_told_of_are_recorded_by_the_next(runs: Path, folder: Path) -> None:
    """That one resumed the trial from its last checkpoint, so that it never saw them; and it says some steps twice."""
    entry = replace(ENTRY, key="g" * 64)
    record = MLflow(default_uri(runs), runs)
    record.study(PLAN)
    record.start(entry)
    later = [{"step": step, "time": 1e9 + step, "loss": 10.0 - step} for step in (2, 3, 2, 3)]
    record.log(entry.key, later)
    # Computed once more, at another time.
    record.log(entry.key, [{**row, "time": 2e9} for row in later])
    record.finish(entry, folder)
    (run,) = record.client.search_runs([record.experiment], f"tags.`vdit.key` = '{entry.key}'")
    history = record.client.get_metric_history(run.info.run_id, "loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(step, 10.0 - step) for step in range(4)]
    record.forget(entry.key)


def test_a_run_carries_what_tables_join_and_people_search_by(record: MLflow, folder: Path) -> None:
    record.finish(ENTRY, folder)
    run = record.find(ENTRY.key)
    assert run is not None
    tags = run.data.tags
    assert (tags["vdit.arm"], tags["vdit.seed"], tags["vdit.axis.prompt"], tags["vdit.axis.timestep"]) == ("VD-T", "0", "text", "50")
    assert (tags["vdit.code"], tags["vdit.data"], tags["vdit.weights"], tags["vdit.notice"]) == ("c", "d", "w", "random weights")
    assert run.data.params == {"model.prompt.kind": "text", "train.drops": "[6, 8]"}
    assert run.data.metrics["jf"] == 12.5
    study = record.client.get_run(tags["mlflow.parentRunId"])
    assert study.data.tags["vdit.study"] == "tiny"
    place = record.client.download_artifacts(study.info.run_id, "plan.json")
    assert json.loads(Path(place).read_text()) == PLAN


def test_a_study_keeps_its_one_run(record: MLflow) -> None:
    record.study(PLAN)
    record.study(PLAN)
    assert len(record.client.search_runs([record.experiment], "tags.`vdit.kind` = 'study'")) == 1


def test_a_forgotten_trial_has_no_run(record: MLflow, folder: Path) -> None:
    other = Entry("o" * 64, "VD-I", 0, {}, "c", "d", "w", "", CONFIG)
    record.start(other)
    record.forget(other.key)
    assert record.find(other.key) is None


def test_artifacts_lie_beside_the_database(record: MLflow, runs: Path) -> None:
    experiment = record.client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert experiment.artifact_location == (runs / "artifacts").as_uri()


def test_drivers_that_open_a_fresh_database_together_find_one_experiment(tmp_path: Path) -> None:
    """Four processes; MLflow alone lets most of them fail over tables that exist already."""
    code = f"""
import os, time
from pathlib import Path
import mlflow.tracking
from vdit.track.mlflow import MLflow, default_uri
runs = Path({str(tmp_path)!r})
(runs / "ready").mkdir(exist_ok=True)
(runs / "ready" / str(os.getpid())).touch()
deadline = time.monotonic() + 120
while len(list((runs / "ready").iterdir())) < 4:
    assert time.monotonic() < deadline, "the others did not come"
    time.sleep(0.01)
print(MLflow(default_uri(runs), runs).experiment)
"""
    drivers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [driver.communicate(timeout=300) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0] * 4, said
    assert len({out for out, _ in said}) == 1


def test_who_makes_the_experiment_second_finds_it(record: MLflow) -> None:
    """As on a server, where both have looked before either has made it."""
    assert make(record.client, EXPERIMENT, None) == record.experiment


def test_a_database_that_another_process_opens_for_ever_is_named(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with alone(uri), pytest.raises(TimeoutError, match=r"has been opening .*/mlflow\.db for 0\.1 s"), alone(uri, patience=0.1):
        raise AssertionError("opened twice")


def test_a_server_that_does_not_answer_is_named_within_three_seconds() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(ValueError, match=rf"http://127\.0\.0\.1:{port} does not answer"):
            probe(f"http://127.0.0.1:{port}")
        assert time.monotonic() - started < 4


def test_a_database_that_fails_is_a_lost_record(tmp_path: Path, record: MLflow) -> None:
    broken = MLflow.__new__(MLflow)
    broken.client, broken.experiment, broken.uri = record.client, "no such experiment", "sqlite:///there"
    broken.parent, broken.open, broken.logged = "", {"k": "0" * 32}, {}
    with pytest.raises(RecordLostError, match="sqlite:///there failed"):
        broken.fail("k", "why")


def test_a_stage_of_a_pretraining_lies_below_its_recipe_and_is_no_trial(runs: Path, folder: Path) -> None:
    record = MLflow(default_uri(runs), runs)
    record.study({"study": "tiny", "kind": "pretrain"})
    stage = replace(ENTRY, key="s" * 64, arm="towers", kind="stage")
    record.finish(stage, folder)
    run = record.find(stage.key)
    assert run is not None and run.data.tags["vdit.kind"] == "stage" and stage.key not in record.finished()
    parent = record.client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["vdit.kind"] == "pretrain"
    (study,) = record.client.search_runs([record.experiment], "tags.`vdit.kind` = 'study' and tags.`vdit.study` = 'tiny'")
    assert study.info.run_id != parent.info.run_id


def test_a_trial_that_was_left_is_killed_until_it_goes_on(record: MLflow, folder: Path) -> None:
    entry = replace(ENTRY, key="l" * 64)
    record.start(entry)
    record.skip(entry.key, "SKIPPED: stopped by ASHA at step 2 of 6")
    run = record.find(entry.key)
    assert run is not None and (run.info.status, run.data.tags["vdit.reason"]) == ("KILLED", "SKIPPED: stopped by ASHA at step 2 of 6")
    record.start(entry)
    run = record.find(entry.key)
    assert run is not None and run.info.status == "RUNNING" and "vdit.reason" not in run.data.tags
    record.forget(entry.key)
