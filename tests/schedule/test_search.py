"""What a search runs, tells and remembers, without Ray: results are put into the trials' folders by hand, the plan is the oracle."""

import json
from pathlib import Path

import pytest

from vdit.schedule.search import Search
from vdit.study import plan as planning
from vdit.study import points, spec
from vdit.study.plan import PlannedTrial
from vdit.study.points import Stop

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


def search(study: Path, runs: Path) -> Search:
    read = spec.read(str(study))
    return Search(planning.build(read, runs), runs, lambda: planning.build(read, runs))


def finish(planned: PlannedTrial, runs: Path, jf: float) -> None:
    folder = runs / "trials" / planned.folder
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"metrics": {"jf": jf}}))


def walk(found: Search) -> list[str]:
    """All trials that are run, each ended at once."""
    ran = []
    while (planned := found.next()) is not None:
        finish(planned, found.runs, jf=float(len(ran)))
        found.told(planned)
        ran.append(planned.trial.arm)
    return ran


def test_the_reference_runs_first_then_so_many_points_none_of_them_twice(study: Path, tmp_path: Path) -> None:
    ran = walk(search(study, tmp_path))
    assert ran[0] == "VD-IT"
    assert len(ran) == len(set(ran)) <= 4
    assert len(points.drawn(spec.read(str(study)), tmp_path)) == 3
    assert walk(search(study, tmp_path)) == [], "a search that is through runs nothing"


def test_a_point_that_another_study_has_computed_is_told_and_not_run(study: Path, tmp_path: Path) -> None:
    text = study.read_text()
    study.write_text(text.replace(SEARCHED, GRID))
    for planned in planning.build(spec.read(str(study)), tmp_path).trials:
        finish(planned, tmp_path, 1.0)
    study.write_text(text)
    found = search(study, tmp_path)
    assert walk(found) == []
    assert len(found.points) == 3 and not found.waiting


def test_what_was_cut_off_runs_before_new_points_and_no_point_is_drawn_again(study: Path, tmp_path: Path) -> None:
    first = search(study, tmp_path)
    reference, point = first.next(), first.next()
    assert reference is not None and point is not None
    again = search(study, tmp_path)
    ran = walk(again)
    assert ran[:2] == [reference.trial.arm, point.trial.arm]
    assert len(set(ran)) == len(ran)
    assert [entry.values for entry in again.points[:1]] == [entry.values for entry in first.points]


def test_a_point_that_asha_ended_stays_ended_until_its_trial_is_done_elsewhere(study: Path, tmp_path: Path) -> None:
    first = search(study, tmp_path)
    ran = [first.next(), first.next()]
    planned = ran[1]
    assert planned is not None
    first.stopped(Stop(planned.key, 2, 6, 21.5))
    again = search(study, tmp_path)
    assert again.points[0].stop == Stop(planned.key, 2, 6, 21.5)
    assert planned.key not in {waiting.key for waiting in again.queue}
    assert points.stopped(spec.read(str(study)), tmp_path)[planned.key] == "stopped by ASHA at step 2 of 6"
    finish(planned, tmp_path, 50.0)
    assert not search(study, tmp_path).waiting.get(planned.key), "told as complete"


def test_the_folder_a_stop_leaves_is_gone_on_with_by_a_study_that_lists_the_point(study: Path, tmp_path: Path) -> None:
    """The stop is the search's own: for any other study the trial is missing, with its checkpoint."""
    first = search(study, tmp_path)
    first.next()
    planned = first.next()
    assert planned is not None
    first.stopped(Stop(planned.key, 2, 6, 21.5))
    study.write_text(study.read_text().replace(SEARCHED, GRID))
    listed = planning.build(spec.read(str(study)), tmp_path)
    assert planned.key in {other.key for other in listed.missing}
    assert points.stopped(spec.read(str(study)), tmp_path) == {}
