"""How many workers fill a store, and what they wait for. Ray is replaced by what it would answer."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from vdit.cli import main
from vdit.config.trial import Launch
from vdit.schedule import attempts, drivers, fill, nodes
from vdit.schedule.placement import Machine, Shape
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec

LAUNCH = Launch(workers=2, threads=4)
SIX = Machine("six", {"CPU": 6.0})
BIG = Machine("big", {"CPU": 96.0}, 8)


@pytest.mark.parametrize(
    ("here", "startable", "wanted", "workers"),
    [
        ([SIX, SIX, SIX], [], 0, 3),  # each on one node: 18 cores are not four workers of four
        ([SIX, SIX, SIX], [], 2, 2),
        ([], [BIG], 0, 24),  # what one machine holds: not all eight are started for it
        ([], [BIG], 30, 30),
        ([SIX], [BIG], 0, 1),
    ],
)
def test_there_are_as_many_workers_as_have_a_place(
    here: list[Machine], startable: list[Machine], wanted: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "present", lambda: here)
    assert fill.crew(LAUNCH, wanted, startable) == Shape(workers, 4, False)


def test_more_than_have_a_place_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "present", lambda: [SIX])
    with pytest.raises(ValueError, match=r"--workers 8: the cluster has room for 1 of 1 worker of 4 CPU; give at most that"):
        fill.crew(LAUNCH, 8, [])


class Waiting:
    """As much of Ray as `arrived` and `collected` meet: answers are numbers, the first `ready` of which are there."""

    def __init__(self, ready: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ready, self.killed = ready, list[Any]()
        monkeypatch.setattr(ray, "wait", lambda answers, num_returns, timeout: (answers[: self.ready], answers[self.ready :]))
        monkeypatch.setattr(ray, "get", lambda answers: answers)
        monkeypatch.setattr(ray, "kill", self.killed.append)

    def workers(self, count: int) -> list[Any]:
        return [SimpleNamespace(number=number, here=SimpleNamespace(remote=lambda number=number: number)) for number in range(count)]


def test_who_has_no_place_in_time_leaves_the_work_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, said = Waiting(2, monkeypatch), list[str]()
    workers = waiting.workers(3)
    assert fill.arrived(workers, Shape(3, 4, False), 5.0, said.append) == workers[:2]
    assert waiting.killed == workers[2:]
    assert said == ["waiting, 5 s at most, for a place for 1 of 3 workers of 4 CPU each; `ray status` shows who holds the cluster"]


def test_where_nobody_has_a_place_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting(0, monkeypatch)
    with pytest.raises(ValueError, match="none of 2 workers of 4 CPU each had a place within 5 s"):
        fill.arrived(waiting.workers(2), Shape(2, 4, False), 5.0, lambda _: None)


@pytest.mark.parametrize("left", [[], [SIX]])
def test_work_whose_node_is_gone_is_not_waited_for(left: list[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    """The node that stays has its own worker, which holds its cores to the end: the lost one finds no place there."""
    Waiting(0, monkeypatch)
    monkeypatch.setattr(nodes, "present", lambda: left)
    with pytest.raises(ValueError, match="the cluster has had no room for 2 workers of 4 CPU each for 60 s; what was encoded stays"):
        fill.collected([1, 2], Shape(2, 4, False), 60.0, now=itertools.count(step=30.0).__next__)


def test_a_node_that_comes_back_in_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, there = Waiting(0, monkeypatch), iter([[SIX], [SIX, SIX], [SIX], [SIX, SIX]])

    def present() -> list[Machine]:
        here = next(there)
        waiting.ready = 2 * (there.__length_hint__() == 0)
        return here

    monkeypatch.setattr(nodes, "present", present)
    # The last of the four looks finds the answers; without the nodes that came back the second would have been one too many.
    assert fill.collected([1, 2], Shape(2, 4, False), 60.0, now=itertools.count(step=30.0).__next__) == [1, 2]


def test_a_trial_that_another_driver_runs_is_left_alone(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    plan = planning.build(spec.read(str(tiny)), runs)
    with drivers.claim(runs, "another study", [planned.key for planned in plan.trials]):
        assert main(["store", "fill", str(tiny), "--runs", str(runs)]) == 2
    assert "study 'another study' on" in capsys.readouterr().err
    assert not (runs / "trials").exists()


def test_what_has_failed_is_still_known_as_failed(tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    plan = planning.build(spec.read(str(tiny)), runs)
    folder = prepare(plan.trials[0], plan, runs)
    (folder / attempts.FAILURE).write_text(json.dumps({"reason": "why", "trace": ""}))
    assert (prepare(plan.trials[0], plan, runs) / attempts.FAILURE).exists()
