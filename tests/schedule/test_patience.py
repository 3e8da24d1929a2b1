"""The scheduler between Tune and the reporter. Tune is a list of trials with states; the clock is ours."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle
from ray.exceptions import ActorDiedError, RayTaskError
from rich.console import Console

from vdit.schedule import attempts, standing
from vdit.schedule.callback import TuneReports
from vdit.schedule.patience import Patience, StopsWhenIdle
from vdit.schedule.reporter import Reporter, folder_of
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.budget import Budget
from vdit.track.memory import Memory

TRACE = 'ray::Worker.advance() (pid=1)\n  File "/a/vdit/train/loop.py", line {line}, in step\n    boom()\nRuntimeError: boom'


class Tune:
    """As much of Tune as a scheduler meets: trials by state, retried for ever, and callbacks in Tune's order."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter, self.scheduler = reporter, Patience(reporter)
        self.callback, self.stopper = TuneReports(reporter), StopsWhenIdle(reporter)
        self.trials = [self.trial(folder) for folder in reporter.todo]

    def trial(self, folder: str) -> Any:
        error = Path(folder) / "error.pkl"
        error.write_bytes(cloudpickle.dumps(ActorDiedError()))
        return SimpleNamespace(trial_id=folder, config={"folder": folder}, status="PENDING", pickled_error_file=str(error))

    def get_trials(self) -> list[Any]:
        return self.trials

    def _set_trial_status(self, trial: Any, status: str) -> None:
        trial.status = status

    def stop_trial(self, trial: Any) -> None:
        if trial.status == "RUNNING":
            self.scheduler.on_trial_complete(self, trial, {})
        if trial.status != "ERROR":
            trial.status = "TERMINATED"

    def pause_trial(self, trial: Any, should_checkpoint: bool) -> None:
        assert not should_checkpoint
        trial.status = "PAUSED"

    def turn(self) -> Any | None:
        """One turn of the loop: what the scheduler chooses starts."""
        chosen = self.scheduler.choose_trial_to_run(self)
        if chosen is not None:
            self.callback.on_trial_start(0, self.trials, chosen)
            chosen.status = "RUNNING"
        return chosen

    def result(self, trial: Any, **result: Any) -> None:
        decision = self.scheduler.on_trial_result(self, trial, result) if not result["done"] else "STOP"
        self.callback.on_trial_result(0, self.trials, trial, result | ({"done": True} if decision == "STOP" else {}))
        if decision == "STOP":
            self.stop_trial(trial)

    def step(self, trial: Any, position: int, of: int = 6) -> None:
        self.result(trial, phase="train", position=position, of=of, rows=(), done=False)

    def finish(self, trial: Any) -> None:
        self.result(trial, phase="done", position=1, of=1, rows=(), done=True)

    def fail(self, trial: Any, line: int = 1, bad_input: bool = False) -> None:
        self.result(trial, failure="RuntimeError: boom", trace=TRACE.format(line=line), bad_input=bad_input, done=False)

    def lose(self, trial: Any) -> None:
        """A worker dies: Tune tells the scheduler, then puts the trial back in line."""
        self.scheduler.on_trial_error(self, trial)
        trial.status = "PENDING"


Start = Callable[..., Tune]


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=1000.0)


@pytest.fixture
def said() -> io.StringIO:
    """What a person sees."""
    return io.StringIO()


@pytest.fixture
def start(tiny: Path, tmp_path: Path, clock: SimpleNamespace, said: io.StringIO) -> Start:
    """A Tune over the study's arms and this many seeds."""

    def start(seeds: int = 1, limits: Budget | None = None, **launch: int) -> Tune:
        study = replace(spec.read(str(tiny)), seeds=tuple(range(seeds)))
        study = replace(study, budget=limits or Budget(), base=replace(study.base, launch=replace(study.base.launch, **launch)))
        plan = planning.build(study, tmp_path / "runs")
        for planned in plan.trials:
            folder_of(planned, tmp_path / "runs").mkdir(parents=True, exist_ok=True)
        names = {planned.key: planned.trial.arm for planned in plan.trials}
        shown = view(names, Console(file=said)).__enter__()
        return Tune(Reporter(plan, plan.trials, tmp_path / "runs", Memory(), shown, now=lambda: clock.now))

    return start


def states(tune: Tune) -> list[str]:
    return [one.state for one in standing.of(tune.reporter.plan, tune.reporter.runs)]


def test_a_lost_trial_waits_and_the_next_one_does_not(start: Start, clock: SimpleNamespace) -> None:
    tune = start()
    first, second = tune.trials
    assert tune.turn() is first
    tune.lose(first)
    assert tune.turn() is second, "it is not first's turn yet"
    assert first.status == "PAUSED" and tune.turn() is None
    clock.now += 1.0
    assert tune.turn() is first
    known = attempts.read(Path(first.config["folder"]))
    assert [(loss.kind, loss.waited) for loss in known.losses] == [("infrastructure", 1.0)]
    assert "its workers went away (The actor died unexpectedly before finishing this task.)" in known.losses[0].reason


def test_a_trial_that_left_its_result_is_complete_whatever_dies_afterwards(start: Start) -> None:
    tune = start()
    first = tune.turn()
    Path(first.config["folder"], "result.json").write_text("{}")
    tune.lose(first)
    tune.turn()
    assert first.status == "TERMINATED"
    assert tune.reporter.outcome.finished == {tune.reporter.todo[first.config["folder"]].key}
    assert not Path(first.config["folder"], "attempts.json").exists()


def test_a_trial_is_given_up_after_twenty_retries_and_a_new_driver_goes_on_counting(start: Start, clock: SimpleNamespace) -> None:
    for _ in range(3):
        tune = start()
        first = tune.trials[0]
        for _ in range(7):
            assert tune.turn() is first
            tune.lose(first)
            tune.trials[1].status = "TERMINATED"
            tune.turn()
            clock.now += 1800
    assert first.status == "TERMINATED"
    (reason,) = tune.reporter.outcome.failed.values()
    assert "21 times, 20 retries are allowed" in reason
    assert json.loads(Path(first.config["folder"], "failure.json").read_text())["reason"] == reason


def test_a_lost_trial_that_finds_no_place_for_a_day_is_given_up(start: Start, clock: SimpleNamespace) -> None:
    tune = start()
    first, second = tune.trials
    tune.turn()
    tune.lose(first)
    second.status = "TERMINATED"
    clock.now += 2
    assert tune.scheduler.choose_trial_to_run(tune) is first
    first.status = "PENDING"
    clock.now += 24 * 3600 - 3
    assert tune.scheduler.choose_trial_to_run(tune) is first and not tune.reporter.outcome.failed
    clock.now += 2
    tune.scheduler.choose_trial_to_run(tune)
    assert first.status == "TERMINATED"
    (reason,) = tune.reporter.outcome.failed.values()
    assert "it waited 24.0 h to run again, 24 are allowed" in reason


def test_a_study_that_nothing_has_a_place_in_says_so_and_ends_after_a_day(start: Start, clock: SimpleNamespace, said: io.StringIO) -> None:
    """What the scheduler chooses stays pending, as where the cluster's machines do not come."""
    tune = start()
    for _ in range(25 * 60):
        tune.scheduler.choose_trial_to_run(tune)
        clock.now += 60
        assert not tune.reporter.outcome.stopped or clock.now - 1000 > 24 * 3600
    lines = said.getvalue().splitlines()
    assert lines[0] == (
        "nothing has started for 2:00: 2 trials wait for a place, each for 1 worker of 1 CPU. Others may hold the cluster, or its "
        "machines are still to come: `ray status` shows it. Waiting 24 h at most"
    )
    assert len(lines) == 24, "once an hour"
    assert tune.reporter.outcome.stopped == "no trial has had a place for 24 h: each needs 1 worker of 1 CPU"
    assert tune.stopper.stop_all()


def test_nobody_is_told_of_waiting_while_a_trial_runs_or_waits_for_its_retry(
    start: Start, clock: SimpleNamespace, said: io.StringIO
) -> None:
    tune = start()
    tune.turn()
    clock.now += 3600
    tune.scheduler.choose_trial_to_run(tune)
    tune.lose(tune.trials[0])
    tune.trials[1].status = "TERMINATED"
    tune.scheduler.choose_trial_to_run(tune)
    clock.now += 0.5
    tune.scheduler.choose_trial_to_run(tune)
    assert "wait for a place" not in said.getvalue()


def test_a_node_without_the_package_refuses_and_three_refusals_stop_the_study(start: Start) -> None:
    """As Ray says it where a process cannot import what it is to run; no retry would change that."""
    trace = "Traceback (most recent call last):\n  File \"/ray/a.py\", line 1, in load\nModuleNotFoundError: No module named 'vdit'"
    error = ActorDiedError(RayTaskError("ray::Gang.__init__()", trace, RuntimeError("failed to import"), pid=7, ip="10.0.0.7"))
    tune = start(seeds=2)
    for count in (1, 2, 3):
        trial = tune.turn()
        Path(trial.pickled_error_file).write_bytes(cloudpickle.dumps(error))
        tune.lose(trial)
        assert bool(tune.reporter.outcome.stopped) == (count == 3)
    assert tune.turn() is None
    said = "node 10.0.0.7 cannot take part: it has no module vdit, which is here. Install the project there"
    assert [reason.startswith(said) for reason in tune.reporter.outcome.failed.values()] == [True] * 3
    assert tune.reporter.outcome.bad_input


def test_an_error_is_retried_twice(start: Start, clock: SimpleNamespace) -> None:
    tune = start()
    first = tune.trials[0]
    for line in (1, 2, 3):
        while tune.turn() is not first:
            clock.now += 1800
        tune.fail(first, line)
    assert first.status == "TERMINATED"
    (reason,) = tune.reporter.outcome.failed.values()
    assert reason == "RuntimeError: boom (attempt 3 of 3 that ended in an error)"
    assert not tune.reporter.outcome.bad_input


def test_the_study_stops_when_three_trials_die_of_one_stack_and_running_ones_end_at_a_checkpoint(start: Start) -> None:
    tune = start(seeds=3)
    running = tune.turn()
    tune.step(running, 1)
    for line in (1, 1, 2):
        tune.fail(tune.turn(), line, bad_input=True)
    assert not tune.reporter.outcome.stopped, "two of one stack and one of another"
    tune.fail(tune.turn(), 1, bad_input=True)
    assert tune.turn() is None
    assert [trial.status for trial in tune.trials] == ["RUNNING", *["TERMINATED"] * 5]
    assert not tune.stopper.stop_all()
    tune.step(running, 3)
    assert running.status == "RUNNING", "a checkpoint is at every second step"
    tune.step(running, 4)
    assert running.status == "TERMINATED" and tune.stopper.stop_all()
    Path(running.config["folder"], "checkpoint").mkdir()
    tune.reporter.close()
    assert not tune.reporter.outcome.finished
    assert states(tune) == ["PREEMPTED", *["FAILED"] * 4, "SKIPPED"]
    reasons = {end.reason for end in tune.reporter.outcome.ended.values()}
    assert reasons == {"3 trials failed of the same error (RuntimeError: boom)"}


def test_a_trial_that_finishes_while_the_study_stops_is_finished(start: Start) -> None:
    tune = start()
    first = tune.turn()
    tune.reporter.stop("enough")
    tune.finish(first)
    assert tune.reporter.outcome.finished == {tune.reporter.todo[first.config["folder"]].key}
    assert tune.turn() is None and tune.stopper.stop_all()


def test_a_budget_that_is_spent_stops_the_study_at_a_checkpoint(start: Start, clock: SimpleNamespace) -> None:
    tune = start(limits=Budget(gpu_hours=1.0), gpus=1, workers=2)
    first = tune.turn()
    tune.step(first, 2)
    clock.now += 1799
    assert tune.turn() is not None and not tune.reporter.outcome.stopped, "two GPUs, almost half an hour"
    clock.now += 1
    tune.turn()
    tune.step(first, 4)
    assert tune.reporter.outcome.stopped.startswith("budget: 1 of 1 gpu_hours are spent")
    assert first.status == "TERMINATED"
    tune.reporter.close()
    assert all(end.reason.startswith("budget: ") for end in tune.reporter.outcome.ended.values())


def test_what_tune_gives_up_runs_again_in_the_next_pass(start: Start, clock: SimpleNamespace) -> None:
    tune = start()
    first, second = tune.trials
    assert tune.turn() is first
    tune.scheduler.on_trial_error(tune, first)
    first.status = "ERROR"
    tune.callback.on_trial_error(0, tune.trials, first)
    tune.finish(tune.turn())
    clock.now += 10
    assert tune.turn() is None and second.status == "TERMINATED"
    assert tune.reporter.abandoned() == [first.config["folder"]]
    assert tune.reporter.abandoned() == []


def test_what_the_user_interrupts_is_not_started_again(start: Start) -> None:
    tune = start()
    first = tune.turn()
    tune.scheduler.on_trial_error(tune, first)
    tune.callback.on_trial_error(0, tune.trials, first)
    assert tune.reporter.abandoned() == [], "the second trial has neither result nor failure"
    tune.reporter.close()
    assert {end.reason for end in tune.reporter.outcome.ended.values()} == {"interrupted"}
    assert states(tune) == ["PREEMPTED", "SKIPPED"]
