"""What the record and the view are told of a trial; the record in memory is the oracle."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from vdit.schedule.placement import Machine
from vdit.schedule.reporter import Reporter, folder_of
from vdit.schedule.run import keep_plan, tune
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import spec
from vdit.track import spool
from vdit.track.entry import RecordLostError
from vdit.track.memory import Memory


def reporter(study: Path, runs: Path, record: Memory) -> tuple[Reporter, list[str], list[str]]:
    """With the folders and the keys of the study's two trials."""
    plan = planning.build(spec.read(str(study)), runs)
    shown = view({planned.key: planned.trial.arm for planned in plan.trials}, Console(file=io.StringIO()))
    made = Reporter(plan, plan.trials, runs, record, shown.__enter__())
    return made, [str(folder_of(planned, runs)) for planned in plan.trials], [planned.key for planned in plan.trials]


def step(number: int, done: bool = False) -> dict[str, object]:
    return {
        "phase": "done" if done else "train",
        "position": number,
        "of": 2,
        "rows": ({"step": number, "time": 0.0, "loss": 1.0},),
        "done": done,
    }


def test_steps_and_results_reach_the_record(tiny: Path, tmp_path: Path) -> None:
    record = Memory()
    made, (first, _), (key, _) = reporter(tiny, tmp_path / "runs", record)
    made.started(first)
    made.progressed(first, step(0))
    made.progressed(first, step(1, done=True))
    assert sorted(record.rows[key]) == [0, 1]
    assert record.finished == {key: Path(first)}
    assert made.outcome.finished == {key}


def test_a_plan_is_written_and_each_older_result_it_accepts_says_so_once(tiny: Path, tmp_path: Path) -> None:
    plan = planning.build(spec.read(str(tiny)), tmp_path)
    older = replace(plan, trials=(replace(plan.trials[0], code="a" * 64), plan.trials[1]))
    for _ in range(2):
        keep_plan(older, tmp_path)
    first, second = (folder_of(planned, tmp_path) for planned in plan.trials)
    assert json.loads((first / "accepted.json").read_text()) == [{"code": plan.code, "study": "tiny"}]
    assert not second.exists()
    assert json.loads((tmp_path / "studies/tiny/plan.json").read_text()) == older.document()
    keep_plan(replace(older, code="b" * 64, trials=older.trials[:1]), tmp_path)
    assert [entry["code"] for entry in json.loads((first / "accepted.json").read_text())] == [plan.code, "b" * 64]


def test_a_failure_is_kept_with_its_reason_and_trace(tiny: Path, tmp_path: Path) -> None:
    record = Memory()
    made, (first, _), (key, _) = reporter(tiny, tmp_path / "runs", record)
    made.started(first)
    made.progressed(first, {"done": True, "failure": "ValueError: a.jpg", "trace": "line 1", "bad_input": True})
    assert made.outcome.failed == record.failed == {key: "ValueError: a.jpg"}
    assert made.outcome.bad_input
    assert json.loads((Path(first) / "failure.json").read_text()) == {"reason": "ValueError: a.jpg", "trace": "line 1"}


class Lost(Memory):
    """Answers nothing."""

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        raise RecordLostError("the server is gone")


def test_a_lost_record_stops_nothing(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again meanwhile (tests/track/test_spool.py), and at the end said to lack something."""
    monkeypatch.setattr(spool, "PATIENCE", 0.0)
    record = spool.Spool(Lost(), Lost, tmp_path / "runs", lambda news: None)
    made, (first, second), keys = reporter(tiny, tmp_path / "runs", record)
    for folder in (first, second):
        made.started(folder)
        made.progressed(folder, step(0))
        made.progressed(folder, step(1, done=True))
    assert made.outcome.finished == set(keys)
    assert "the server is gone" in record.close("FINISHED")


def test_what_is_left_without_a_result_does_not_stay_open_in_the_record(tiny: Path, tmp_path: Path) -> None:
    record = Memory()
    made, (first, _), (key, other) = reporter(tiny, tmp_path / "runs", record)
    made.started(first)
    made.progressed(first, step(0))
    (Path(first) / "checkpoint").mkdir(parents=True)
    made.close()
    assert record.skipped == {key: "PREEMPTED: interrupted"}, "the other was never opened"
    assert {name: end.state for name, end in made.outcome.ended.items()} == {key: "PREEMPTED", other: "SKIPPED"}


class Clock:
    """Seconds since the epoch, which pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_gpus_of_a_shrunken_trial_are_those_it_holds(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour on four GPUs, an hour on the two that a cluster which has shrunk still has: six GPU-hours, not eight."""
    tiny.write_text(
        tiny.read_text().replace("launch: {", "launch: {workers: 4, gpus: 4, elastic: true, ").replace("train: {", "train: {batch: 4, ")
    )
    plan, clock = planning.build(spec.read(str(tiny)), tmp_path), Clock()
    with view({planned.key: planned.trial.arm for planned in plan.trials}, Console(file=io.StringIO())) as shown:
        made = Reporter(plan, plan.trials, tmp_path, Memory(), shown, now=clock)
    folder = str(folder_of(plan.trials[0], tmp_path))

    def an_hour(*_: object) -> SimpleNamespace:
        """In the place of Tune: the trial runs for an hour, and is left for the next round."""

        def fit() -> None:
            made.started(folder)
            clock.seconds += 3600
            made.left(folder)

        return SimpleNamespace(fit=fit)

    monkeypatch.setattr("vdit.schedule.gang.tuner", an_hour)
    for gpus, hours in ((4, 4.0), (2, 6.0)):
        there = [Machine("node", {"CPU": 64.0, "GPU": float(gpus)})]
        monkeypatch.setattr("vdit.schedule.nodes.present", lambda there=there: there)
        tune([folder], [plan.trials[0].trial], made, (), "toy:Toy")
        assert made.spending.amount().gpu_hours == pytest.approx(hours)
