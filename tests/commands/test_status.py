"""`vdit status` and what `vdit run` says of trials it may not run; the files of earlier runs are put there by hand."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vdit.commands import forget, run, status
from vdit.schedule import attempts, drivers, standing, stops
from vdit.schedule.attempts import Attempts, Loss
from vdit.schedule.reporter import folder_of
from vdit.schedule.run import prepare
from vdit.schedule.standing import Ended
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan
from vdit.study.points import Point, Stop
from vdit.track.memory import Memory

NAN = Loss("value", "loss is nan at step 3", "ab", 0.0, False)


@pytest.fixture
def plan(tiny: Path, tmp_path: Path) -> Plan:
    return planning.build(spec.read(str(tiny)), tmp_path / "runs")


@pytest.fixture
def vdit(tiny: Path, tmp_path: Path) -> Callable[..., str]:
    """A command on the study; what it printed."""
    app = typer.Typer()
    for member in (run, status, forget):
        app.command(member.__name__.rpartition(".")[2])(member.command)

    def call(name: str, *arguments: str) -> str:
        place = {"runs": tmp_path / "runs", "quiet": False}
        result = CliRunner().invoke(app, [name, str(tiny), *arguments], obj=place, env={"COLUMNS": "250"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return f"{result.output}\nexit code {result.exit_code}"

    return call


@pytest.fixture
def ended(plan: Plan, tmp_path: Path) -> Plan:
    """The first trial died of NaN after a lost worker, the second was skipped."""
    first, second = plan.trials
    folder = prepare(first, plan, tmp_path / "runs")
    attempts.write(folder, Attempts((Loss("infrastructure", "gone", "", 0.0, False), NAN)))
    (folder / "failure.json").write_text(json.dumps({"reason": NAN.reason, "trace": ""}))
    standing.keep_ended(tmp_path / "runs/studies/tiny", {second.key: Ended("SKIPPED", "budget: 2 of 1 wall_hours are spent")})
    return plan


def test_each_trial_has_its_state_reason_and_retries(vdit: Callable[..., str], ended: Plan) -> None:
    shown = vdit("status")
    assert "FAILED" in shown and NAN.reason in shown
    assert "SKIPPED" in shown and "budget: 2 of 1 wall_hours are spent" in shown
    assert "tiny: 0/2 COMPLETE, 1 FAILED, 1 SKIPPED" in shown
    told = json.loads(vdit("status", "--json").partition("\nexit code")[0])
    assert (told["complete"], told["planned"], told["counts"], told["driver"]) == (0, 2, {"FAILED": 1, "SKIPPED": 1}, "")
    first, second = told["trials"]
    assert (first["state"], first["reason"], first["attempts_lost"]) == ("FAILED", NAN.reason, {"infrastructure": 1, "code": 1})
    assert (second["state"], second["key"]) == ("SKIPPED", ended.trials[1].key)


def test_a_study_that_runs_names_its_driver(vdit: Callable[..., str], plan: Plan, tmp_path: Path) -> None:
    with drivers.claim(tmp_path / "runs", "tiny", [plan.trials[0].key]):
        assert "running: study 'tiny' on " in vdit("status")
        with pytest.raises(ValueError, match="runs already"):
            vdit("run")
        with pytest.raises(ValueError, match="runs VD-IT, seed 0; end it first"):
            vdit("forget", "--arm", "VD-IT")
    assert "running" not in vdit("status")


def test_without_ray_too_what_is_left_or_has_failed_is_said_and_is_no_success(
    vdit: Callable[..., str], ended: Plan, tmp_path: Path
) -> None:
    first, second = (trial.key for trial in ended.trials)
    with drivers.claim(tmp_path / "runs", "other", [second]):
        said = vdit("run", "--local")
    assert f"vdit: {first[:16]} failed before: {NAN.reason}; --retry-failed tries it again" in said
    assert f"vdit: {second[:16]} study 'other' on " in said and "runs it; run this study again after that" in said
    assert said.endswith("exit code 1")


def test_a_trial_whose_folder_cannot_be_removed_is_not_called_forgotten(
    vdit: Callable[..., str], ended: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(shutil, "rmtree", refused)
    with pytest.raises(PermissionError, match="not yours"):
        vdit("forget", "--arm", ended.trials[0].trial.arm)


@pytest.mark.slow
def test_what_has_failed_for_good_is_not_run_again_and_said_so(vdit: Callable[..., str], ended: Plan, tmp_path: Path) -> None:
    second = folder_of(ended.trials[1], tmp_path / "runs")
    prepare(ended.trials[1], ended, tmp_path / "runs")
    (second / "result.json").write_text('{"seconds": 1, "steps": 6, "metrics": {"jf": 50.0}}')
    said = vdit("run")
    assert f"vdit: VD-IT (seed 0) failed: {NAN.reason}; --retry-failed tries it again" in said
    assert "tiny: 1/2 trials are complete" in said and said.endswith("exit code 1")
    assert "1/2 COMPLETE, 1 FAILED" in vdit("status")


def test_a_study_whose_estimate_exceeds_its_budget_does_not_start(vdit: Callable[..., str], tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(tiny.read_text() + "budget: {disk_gb: 0.001}\n")
    read = spec.read(str(tiny))
    each = read.estimate.of(read.base.train)
    needed = f"{2 * each.bytes_per_trial / 1e9:.3g} ({each.source}), the budget is 0.001;"
    said = rf"budget\.disk_gb: the trials to run need about {re.escape(needed)}"
    with pytest.raises(ValueError, match=said):
        vdit("run")
    assert not (tmp_path / "runs/mlflow.db").exists()
    assert list((tmp_path / "runs/drivers").glob("*.json")) == []


def test_trials_that_go_on_from_a_file_are_found_with_it(
    vdit: Callable[..., str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`vdit run --start FILE` makes other trials than without."""
    monkeypatch.setattr("vdit.track.mlflow.MLflow", lambda uri, runs: Memory())
    start, runs = tmp_path / "trained.safetensors", tmp_path / "runs"
    start.write_bytes(b"parameters")
    planned = planning.build(spec.read(str(tiny), start=start), runs).trials[0]
    (runs / "trials" / planned.folder).mkdir(parents=True)
    (runs / "trials" / planned.folder / "result.json").write_text('{"seconds": 1, "metrics": {"jf": 50.0}}')
    assert "tiny: 0/2 COMPLETE" in vdit("status")
    assert "tiny: 1/2 COMPLETE" in vdit("status", "--start", str(start))
    assert "nothing to forget" in vdit("forget", "--arm", "VD-IT")
    assert not list((tmp_path / "runs").glob("mlflow.db*")), "looking for it makes no record"
    assert f"(trials/{planned.folder})" in vdit("forget", "--arm", "VD-IT", "--start", str(start))


def test_a_point_that_was_ended_early_and_trained_elsewhere_runs_again_when_it_is_forgotten(
    vdit: Callable[..., str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another study has its result since; the search would leave it out once that is gone."""
    monkeypatch.setattr("vdit.track.mlflow.MLflow", lambda uri, runs: Memory())
    axes = "design: search\nsearch: {trials: 1}\naxes: {timestep: {low: 0, high: 200, step: 100}}\n"
    tiny.write_text(tiny.read_text().replace("design: listed\n", axes))
    study, runs = spec.read(str(tiny)), tmp_path / "runs"
    stops.keep(study, runs, [Point({"timestep": 100})])
    planned = planning.build(study, runs).trials[-1]
    stops.keep(study, runs, [Point({"timestep": 100}, Stop(planned.key, 2, 6, 0.5))])
    folder_of(planned, runs).mkdir(parents=True)
    (folder_of(planned, runs) / "result.json").write_text('{"seconds": 1, "metrics": {"jf": 50.0}}')
    assert "forgot timestep=100, seed 0" in vdit("forget", "--arm", "timestep=100")
    again = planning.build(study, runs)
    assert planned.key in {missing.key for missing in again.missing} and not again.pruned
