"""What a search runs, tells and remembers, without Ray: results are put into the trials' folders by hand, the plan is the oracle."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from vdit.schedule import drivers, search, standing, work
from vdit.schedule.placement import ImpossibleError
from vdit.schedule.reporter import folder_of
from vdit.schedule.search import Points, Search, SearchReporter
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import points, spec
from vdit.study.plan import PlannedTrial
from vdit.study.points import Stop
from vdit.track.memory import Memory

SEARCHED = """
design: search
search: {trials: 3, startup: 2, grace_steps: 2, reduction: 2}
axes: {timestep: {low: 0, high: 200, step: 100}, noise: [gaussian, predicted]}
"""
GRID = "\ndesign: grid\naxes: {timestep: [0, 100, 200], noise: [gaussian, predicted]}\n"


@pytest.fixture
def study(tiny: Path) -> Path:
    tiny.write_text(tiny.read_text().replace("design: listed\n", SEARCHED).replace("  VD-T: {prompt: text, noise: gaussian}\n", ""))
    return tiny


@contextmanager
def searching(study: Path, runs: Path, parallel: int = 1) -> Iterator[Search]:
    """As a driver has it, from its claim on."""
    read = spec.read(str(study))
    assert read.search is not None
    read = replace(read, search=replace(read.search, parallel=parallel))
    plan = planning.build(read, runs)
    due = [planned for planned in plan.missing if planned.key not in plan.pruned]
    with drivers.claim(runs, read.study, [planned.key for planned in due]) as claim:
        yield Search(plan, work.of(due, runs, claim.others, retry_failed=False), runs, lambda: planning.build(read, runs), claim)


@contextmanager
def reporting(found: Search) -> Iterator[SearchReporter]:
    names = {planned.key: planned.trial.arm for planned in found.queue}
    with view(names, Console(file=io.StringIO())) as shown:
        yield SearchReporter(found, Memory(), shown)


def grid(study: Path, runs: Path) -> tuple[PlannedTrial, ...]:
    """The trials of all points, as another study has them."""
    text = study.read_text()
    study.write_text(text.replace(SEARCHED, GRID))
    trials = planning.build(spec.read(str(study)), runs).trials
    study.write_text(text)
    return trials


def finish(planned: PlannedTrial, runs: Path, jf: float) -> None:
    folder = runs / "trials" / planned.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps({"metrics": {"jf": jf}}))


def walk(found: Search) -> list[str]:
    """All trials that are run, each ended at once."""
    ran = []
    while (planned := found.next()) is not None:
        finish(planned, found.runs, jf=float(len(ran)))
        found.over.add(planned.key)
        ran.append(planned.trial.arm)
    return ran


def test_the_reference_runs_first_then_so_many_points_none_of_them_twice(study: Path, tmp_path: Path) -> None:
    with searching(study, tmp_path) as found:
        ran = walk(found)
    assert ran[0] == "VD-IT"
    assert len(ran) == len(set(ran)) == 4
    assert len(points.drawn(spec.read(str(study)), tmp_path)) == 3
    with searching(study, tmp_path) as again:
        assert not again.more() and walk(again) == [], "a search that is through runs nothing"


def test_a_point_is_drawn_when_those_it_may_know_of_have_ended_and_no_sooner(study: Path, tmp_path: Path) -> None:
    with searching(study, tmp_path / "one") as found:
        reference = found.next()
        assert reference is not None and found.next() is None and found.next() is None
        found.over.add(reference.key)
        assert found.next() is not None
    with searching(study, tmp_path / "two", parallel=2) as found:
        assert [planned is None for planned in (found.next(), found.next(), found.next())] == [False, False, True]


def test_what_trials_that_ran_at_once_have_shown_is_told_in_their_order_not_in_that_of_their_ends(study: Path, tmp_path: Path) -> None:
    """Of two at a time one ends first or last: the draws are the same."""
    orders = []
    for place, swapped in (("first", False), ("last", True)):
        with searching(study, tmp_path / place, parallel=2) as found:
            one, two = found.next(), found.next()
            assert one is not None and two is not None
            for planned in (two, one) if swapped else (one, two):
                finish(planned, found.runs, 1.0 if planned is one else 2.0)
                found.over.add(planned.key)
                if planned is two and swapped:
                    assert found.next() is None, "the next draw may know of the first, which runs"
            orders.append([one.trial.arm, two.trial.arm, *walk(found)])
    assert orders[0] == orders[1] and len(orders[0]) == 4


def test_a_point_that_another_study_has_computed_is_told_and_not_run(study: Path, tmp_path: Path) -> None:
    for planned in grid(study, tmp_path):
        finish(planned, tmp_path, 1.0)
    with searching(study, tmp_path) as found:
        assert walk(found) == []
        assert len(found.points) == 3 and found.told == 3, "but the last, whose end no draw has to know of"


def test_a_point_that_another_driver_runs_is_left_to_it(study: Path, tmp_path: Path) -> None:
    keys = [planned.key for planned in grid(study, tmp_path)]
    with searching(study, tmp_path) as found, drivers.claim(tmp_path, "grid", keys):
        assert walk(found) == ["VD-IT"]
        assert len(found.left) == 3 and all("study 'grid' on " in end.reason for end in found.left.values())


def test_a_point_that_another_driver_has_finished_is_done_though_that_one_still_runs(study: Path, tmp_path: Path) -> None:
    trials = grid(study, tmp_path)
    with searching(study, tmp_path) as found, drivers.claim(tmp_path, "grid", [planned.key for planned in trials]):
        for planned in trials:
            finish(planned, tmp_path, 1.0)
        found.over.add(found.queue.pop().key)
        assert walk(found) == []
        assert len(found.points) == 3 and found.left == {} and found.told == 3


@pytest.mark.parametrize("finished", [False, True])
def test_a_point_that_was_left_to_another_driver_stands_as_it_does_at_the_end(
    study: Path, tmp_path: Path, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "tune", lambda asked, *others: bool(walk(asked.search)) and False)
    trials = grid(study, tmp_path)
    keys = [planned.key for planned in trials]
    with searching(study, tmp_path) as found, drivers.claim(tmp_path, "grid", keys), reporting(found) as reporter:
        outcome = search.run(found, reporter)
        left = set(found.left)
        for planned in trials if finished else ():
            finish(planned, tmp_path, 1.0)
        work.settle(work.Work((), {}, {}), found.plan, tmp_path, outcome)
        assert len(left) == 3
        assert outcome.finished >= left if finished else outcome.ended.keys() >= left
        assert not outcome.ended.keys() & outcome.finished


def test_a_search_that_has_no_place_on_the_cluster_is_bad_input(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tune(*given: object) -> bool:
        raise ImpossibleError("9 CPUs are nowhere")

    monkeypatch.setattr(search, "tune", tune)
    with searching(study, tmp_path) as found, reporting(found) as reporter:
        outcome = search.run(found, reporter)
    assert outcome.bad_input and outcome.stopped == "9 CPUs are nowhere"


def test_a_search_for_what_its_trials_do_not_measure_says_what_they_do(study: Path, tmp_path: Path) -> None:
    study.write_text(study.read_text().replace("trials: 3", "trials: 3, metric: mean_iou"))
    with searching(study, tmp_path) as found, pytest.raises(ValueError, match=r"search\.metric 'mean_iou' is not in .* which has jf"):
        walk(found)


def test_what_was_cut_off_runs_before_new_points_and_no_point_is_drawn_again(study: Path, tmp_path: Path) -> None:
    with searching(study, tmp_path, parallel=2) as first:
        reference, point = first.next(), first.next()
        assert reference is not None and point is not None
    with searching(study, tmp_path, parallel=2) as again:
        ran = walk(again)
    assert ran[:2] == [reference.trial.arm, point.trial.arm]
    assert len(set(ran)) == len(ran) == 4
    assert [entry.values for entry in again.points[:1]] == [entry.values for entry in first.points]


def test_an_interrupted_search_draws_what_the_undisturbed_one_drew(study: Path, tmp_path: Path) -> None:
    with searching(study, tmp_path / "whole") as whole:
        ran = walk(whole)
    with searching(study, tmp_path / "cut") as first:
        for jf in range(2):
            planned = first.next()
            assert planned is not None
            finish(planned, first.runs, float(jf))
            first.over.add(planned.key)
        cut = first.next()
    with searching(study, tmp_path / "cut") as again:
        planned = again.next()
        assert cut is not None and planned is not None and planned.key == cut.key
        finish(planned, again.runs, 2.0)
        again.over.add(planned.key)
        assert [*ran[:3], *walk(again)] == ran


def test_a_point_that_asha_ended_stays_ended_until_its_trial_is_done_elsewhere(study: Path, tmp_path: Path) -> None:
    with searching(study, tmp_path, parallel=2) as first:
        ran = [first.next(), first.next()]
        planned = ran[1]
        assert planned is not None
        first.stopped(Stop(planned.key, 2, 6, 21.5))
    with searching(study, tmp_path, parallel=2) as again:
        assert again.points[0].stop == Stop(planned.key, 2, 6, 21.5)
        assert planned.key not in {waiting.key for waiting in again.queue} and planned.key in again.over
        assert again.plan.pruned == {planned.key: "stopped by ASHA at step 2 of 6"}
    finish(planned, tmp_path, 50.0)
    made = planning.build(spec.read(str(study)), tmp_path)
    assert not made.pruned and planned.key not in {missing.key for missing in made.missing}


def test_the_folder_a_stop_leaves_is_gone_on_with_by_a_study_that_lists_the_point(study: Path, tmp_path: Path) -> None:
    """The stop is the search's own: for any other study the trial is missing, with its checkpoint."""
    with searching(study, tmp_path, parallel=2) as first:
        first.next()
        planned = first.next()
        assert planned is not None
        first.stopped(Stop(planned.key, 2, 6, 21.5))
    study.write_text(study.read_text().replace(SEARCHED, GRID))
    listed = planning.build(spec.read(str(study)), tmp_path)
    assert planned.key in {other.key for other in listed.missing} and not listed.pruned


def losses(folder: Path, loss: float, steps: int) -> None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps({"step": step, "loss": loss}) + "\n" for step in range(steps)))


def test_a_worse_point_is_ended_and_stands_as_skipped_everywhere(study: Path, tmp_path: Path) -> None:
    """As Tune would ask: a result, then whether it stops, then what became of it."""
    record = Memory()
    with searching(study, tmp_path, parallel=2) as found:
        shown = view({planned.key: planned.trial.arm for planned in found.queue}, Console(file=io.StringIO())).__enter__()
        reporter = SearchReporter(found, record, shown)
        asked = Points(found, reporter)
        folders = [Path(asked.suggest(name)["folder"]) for name in ("a", "b")]  # type: ignore[index]
        assert asked.suggest("c") is None, "it waits"
        for name, folder, loss in zip("ab", folders, (1.0, 9.0), strict=True):
            reporter.started(str(folder))
            losses(folder, loss, 2)
            result = {"phase": "train", "position": 2, "of": 6, "rows": ({"step": 1, "time": 0.0, "loss": loss},), "done": False}
            assert reporter.stops_at(str(folder), result) == (name == "b")
            reporter.progressed(str(folder), result)
        reporter.left(str(folders[1]))
        asked.on_trial_complete("b", {})
        key = found.turns[1].key
        assert reporter.outcome.ended == {key: standing.Ended("SKIPPED", "stopped by ASHA at step 2 of 6")}
        assert record.skipped == {key: "SKIPPED: stopped by ASHA at step 2 of 6"}
        assert record.plans[-1]["arms"] == ["VD-IT", found.space.arm(found.points[0].values).name]
        (skipped,) = (one for one in standing.of(found.make(), tmp_path) if one.trial.key == key)
        assert (skipped.state, skipped.reason) == ("SKIPPED", "stopped by ASHA at step 2 of 6")
        finish(reporter.todo[str(folders[0])], tmp_path, 3.0)
        reporter.progressed(str(folders[0]), {"phase": "done", "position": 1, "of": 1, "rows": (), "done": True})
        asked.on_trial_complete("a", {})
        assert isinstance(asked.suggest("c"), dict)
        assert str(folder_of(found.of("VD-IT"), tmp_path)) in reporter.todo
