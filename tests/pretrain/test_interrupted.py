"""What the record knows of the stages of a pretraining that ends before they do. Ray is stood in for: its tasks end as the test says."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError, WorkerCrashedError
from rich.console import Console

from vdit.pretrain import graph
from vdit.pretrain.given import WEIGHTS
from vdit.pretrain.graph import GRAPH, Stage
from vdit.pretrain.recipe import Pretraining, read
from vdit.schedule import pretraining
from vdit.track.memory import Memory

LEFT = "PREEMPTED: interrupted"
LOST = "Ray did not bring it to its end (a stage whose worker is lost is tried 2 times more)"


@pytest.fixture
def plan(recipe_file: Path, tmp_path: Path) -> Pretraining:
    return read(str(recipe_file), tmp_path)


@dataclass(frozen=True)
class Task:
    stage: Stage


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[Task]], list[Task]], BaseException | None], list[Task]]:
    """Ray's, of which the next to end is as `wait` says, by the `error` given. Returns those that are cancelled."""

    def tasks(wait: Callable[[list[Task]], list[Task]], error: BaseException | None = None) -> list[Task]:
        cancelled: list[Task] = []

        def get(task: Task) -> str:
            if error is not None:
                raise error
            return ""

        monkeypatch.setattr(ray, "remote", lambda **_: lambda work: SimpleNamespace(remote=lambda given, stage: Task(stage)))
        monkeypatch.setattr(ray, "wait", lambda running, timeout: (wait(running), []))
        monkeypatch.setattr(ray, "get", get)
        monkeypatch.setattr(ray, "cancel", lambda task, force: cancelled.append(task))
        return cancelled

    return tasks


def done(plan: Pretraining, stage: Stage) -> None:
    place = plan.place(stage)
    place.folder.mkdir(parents=True, exist_ok=True)
    (place.folder / WEIGHTS).write_text(stage)
    place.finish(6, {"seconds": 1.0})


def run(plan: Pretraining, runner: Callable[..., None], error: type[BaseException], *stages: Stage) -> Memory:
    record = Memory()
    with pytest.raises(error):
        runner(plan, stages, record, Console(file=io.StringIO()))
    return record


def interrupted(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_where_the_user_interrupts_no_run_stays_open(plan: Pretraining, tasks: Any) -> None:
    cancelled = tasks(interrupted)
    record = run(plan, pretraining.on_ray, KeyboardInterrupt, "clips", "words")
    assert record.skipped == {plan.keys["clips"]: LEFT, plan.keys["words"]: LEFT}
    assert not record.failed and not record.finished
    assert cancelled == [Task("clips"), Task("words")]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            WorkerCrashedError(),
            f"{LOST}: The worker died unexpectedly",
        ),
        (RayTaskError("work", "a trace of many lines", RuntimeError("no such shape")), "RuntimeError: no such shape"),
    ],
)
def test_a_worker_that_dies_has_failed_in_one_line_and_the_other_stages_are_left(
    plan: Pretraining, tasks: Any, error: BaseException, says: str
) -> None:
    tasks(lambda running: running[:1], error)
    record = Memory()
    with pytest.raises(pretraining.StageError, match=f"^stage clips: {re.escape(says)}.*log.txt"):
        pretraining.on_ray(plan, ("clips", "words"), record, Console(file=io.StringIO()))
    assert list(record.failed) == [plan.keys["clips"]] and record.failed[plan.keys["clips"]].startswith(says)
    assert record.skipped == {plan.keys["words"]: LEFT}


def test_a_stage_that_ended_when_another_failed_is_recorded_as_done(plan: Pretraining, tasks: Any) -> None:
    """The next run does not run it, and so would not record it."""

    def wait(running: list[Task]) -> list[Task]:
        done(plan, "words")
        return running[:1]

    tasks(wait, WorkerCrashedError())
    record = run(plan, pretraining.on_ray, pretraining.StageError, "clips", "words")
    assert record.finished == {plan.keys["words"]: plan.place("words").folder} and not record.skipped


@pytest.mark.parametrize(
    ("error", "failed", "skipped"), [(KeyboardInterrupt(), "", LEFT), (RuntimeError("x"), "x", ""), (ValueError("y"), "y", "")]
)
def test_in_this_process_a_stage_ends_failed_or_left(
    plan: Pretraining, monkeypatch: pytest.MonkeyPatch, error: BaseException, failed: str, skipped: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(pretraining, "find", lambda family, name: SimpleNamespace(run=fail))
    record = run(plan, pretraining.in_order, type(error), "words")
    key = plan.keys["words"]
    assert (record.failed.get(key, ""), record.skipped.get(key, "")) == (failed, skipped)


def test_code_that_is_not_what_the_key_stands_for_trains_nothing(plan: Pretraining, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it was edited after the keys were made, or on a node with another copy."""
    ran: list[str] = []
    loaded: list[str] = []

    def find(family: str, name: str) -> SimpleNamespace:
        loaded.append(name)
        return SimpleNamespace(run=lambda given, report: ran.append(name))

    def keys(*arguments: Any) -> Any:
        assert loaded[-len(GRAPH) :] == list(GRAPH), "an edit after the digests would be loaded under the key of before"
        return graph.keys(*arguments)

    monkeypatch.setattr(pretraining, "find", find)
    monkeypatch.setattr(pretraining, "keys", keys)
    given = plan.given()
    pretraining.compute(given, "words", lambda row: None)
    with pytest.raises(ValueError, match=r"^the code of stage words on .* is not what its key stands for: it was edited after"):
        pretraining.compute(replace(given, keys={**given.keys, "words": "0" * 64}), "words", lambda row: None)
    assert ran == ["words"]


def test_what_a_worker_says_of_its_input_is_bad_input(plan: Pretraining, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "get", lambda reference: "clips has no room")
    with pytest.raises(ValueError, match=r"^stage clips: clips has no room \(the whole story"):
        pretraining.check(plan, "clips", None, Memory())
