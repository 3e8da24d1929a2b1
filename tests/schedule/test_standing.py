"""How trials stand, from the files that runs leave: each state is made by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.schedule import attempts, drivers, standing
from vdit.schedule.attempts import Attempts, Loss
from vdit.schedule.reporter import folder_of
from vdit.schedule.standing import Ended
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan

LOST = Attempts((Loss("infrastructure", "its node went away", "", 0.0, False),))
Stand = Callable[[], tuple[str, str]]


@pytest.fixture
def plan(tiny: Path, tmp_path: Path) -> Plan:
    return planning.build(spec.read(str(tiny)), tmp_path)


@pytest.fixture
def first(plan: Plan, tmp_path: Path) -> Path:
    """Folder of the first trial."""
    folder = folder_of(plan.trials[0], tmp_path)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def stands(plan: Plan, tmp_path: Path) -> Stand:
    """How the first trial stands; nothing ever happens to the second."""

    def stands() -> tuple[str, str]:
        one, two = standing.of(plan, tmp_path)
        assert (two.state, two.reason, two.lost, two.errors) == ("PLANNED", "", 0, 0)
        return one.state, one.reason

    return stands


def test_what_was_not_tried_is_planned(stands: Stand) -> None:
    assert stands() == ("PLANNED", "")


def test_a_failure_has_its_reason(stands: Stand, first: Path) -> None:
    (first / "failure.json").write_text(json.dumps({"reason": "loss is nan", "trace": ""}))
    attempts.write(first, LOST)
    assert stands() == ("FAILED", "loss is nan")


def test_what_a_stopped_study_left_is_skipped_or_preempted_with_its_reason(stands: Stand, first: Path, plan: Plan, tmp_path: Path) -> None:
    place, key = tmp_path / "studies/tiny", plan.trials[0].key
    standing.keep_ended(place, {key: Ended("SKIPPED", "budget: spent")})
    assert stands() == ("SKIPPED", "budget: spent")
    (first / "checkpoint").mkdir()
    standing.keep_ended(place, {key: Ended("PREEMPTED", "interrupted")})
    assert stands() == ("PREEMPTED", "interrupted")
    standing.forget(place, {key})
    assert stands()[0] == "PREEMPTED"


def test_what_a_killed_driver_left_is_preempted(stands: Stand, first: Path) -> None:
    (first / "checkpoint").mkdir()
    assert stands() == ("PREEMPTED", "its driver ended; the same command goes on from its checkpoint")
    attempts.write(first, LOST)
    assert stands() == ("PREEMPTED", "its node went away")


def test_with_a_driver_a_trial_runs_waits_for_its_retry_or_for_its_turn(stands: Stand, first: Path, plan: Plan, tmp_path: Path) -> None:
    place, key = tmp_path / "studies/tiny", plan.trials[0].key
    with drivers.claim(tmp_path, "tiny", [key]):
        assert stands() == ("PLANNED", "")
        standing.keep_running(place, [key])
        assert stands() == ("RUNNING", "")
        standing.keep_running(place, [])
        attempts.write(first, LOST)
        assert stands() == ("PREEMPTED", "runs again: its node went away")
    standing.keep_running(place, [key])
    assert stands() == ("PREEMPTED", "its node went away"), "a dead driver runs nothing"


def test_a_result_is_complete_and_its_lost_attempts_are_counted(plan: Plan, first: Path, tmp_path: Path) -> None:
    attempts.write(first, Attempts((*LOST.losses * 2, Loss("code", "boom", "ab", 0.0, False))))
    done = replace(plan, trials=(replace(plan.trials[0], done=True), plan.trials[1]))
    one, _ = standing.of(done, tmp_path)
    assert one.row() == {
        "key": plan.trials[0].key,
        "arm": "VD-IT",
        "seed": 0,
        "shared_with": [],
        "state": "COMPLETE",
        "reason": "",
        "attempts_lost": {"infrastructure": 2, "code": 1},
        "folder": f"trials/{plan.trials[0].folder}",
    }


def test_how_others_were_left_stays_when_some_are_tried_again(tmp_path: Path) -> None:
    standing.keep_ended(tmp_path, {"a": Ended("SKIPPED", "x"), "b": Ended("SKIPPED", "x")})
    standing.forget(tmp_path, {"b"})
    standing.keep_ended(tmp_path, {"c": Ended("PREEMPTED", "y")})
    assert standing.read_ended(tmp_path) == {"a": Ended("SKIPPED", "x"), "c": Ended("PREEMPTED", "y")}


def test_a_point_that_a_search_has_ended_early_is_skipped_even_while_its_driver_lives(plan: Plan, first: Path, tmp_path: Path) -> None:
    key = plan.trials[0].key
    pruned = replace(plan, pruned={key: "stopped by ASHA at step 2 of 6"})
    (first / "checkpoint").mkdir()
    with drivers.claim(tmp_path, "tiny", [key]):
        one, _ = standing.of(pruned, tmp_path)
        assert (one.state, one.reason) == ("SKIPPED", "stopped by ASHA at step 2 of 6")
    done = replace(pruned, trials=(replace(plan.trials[0], done=True), plan.trials[1]))
    assert next(standing.of(done, tmp_path)).state == "COMPLETE"
