"""The last lines of `vdit run` and its exit code, of outcomes that are made here by hand."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from rich.console import Console

from vdit.commands._ending import conclude, status
from vdit.schedule.reporter import Outcome, folder_of
from vdit.schedule.standing import INTERRUPTED, Ended
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan
from vdit.study.search import Search

End = Callable[[Plan, Outcome, bool], tuple[int, str, str]]


@pytest.fixture
def plan(tiny: Path, tmp_path: Path) -> Plan:
    return planning.build(spec.read(str(tiny)), tmp_path)


@pytest.fixture
def search(plan: Plan, tmp_path: Path) -> Plan:
    """A search that has drawn what it is done with, and three points to draw."""
    for planned in plan.trials:
        folder_of(planned, tmp_path).mkdir(parents=True)
        (folder_of(planned, tmp_path) / "result.json").write_text(json.dumps({"metrics": {"jf": 25.04, "j": 20.0}}))
    done = tuple(replace(one, done=True) for one in plan.trials)
    return replace(plan, study=replace(plan.study, search=Search(trials=4)), trials=done, undrawn=3)


@pytest.fixture
def end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> End:
    """The exit code, the last lines, and the errors."""

    def end(plan: Plan, outcome: Outcome, searched: bool) -> tuple[int, str, str]:
        out, code = io.StringIO(), 0
        try:
            conclude(Console(file=out, width=300), plan, plan.trials, outcome, searched, tmp_path)
        except typer.Exit as stopped:
            code = stopped.exit_code
        except typer.Abort:
            code = 130
        return code, out.getvalue(), capsys.readouterr().err

    return end


def test_a_refused_study_names_the_arm_and_says_that_nothing_is_complete(plan: Plan, end: End) -> None:
    outcome = Outcome(ended={one.key: Ended("SKIPPED", "the rehearsal refused the study: x") for one in plan.trials}, refused=("x", "y"))
    assert end(plan, outcome, False) == (1, "", "vdit: x\nvdit: y\nvdit: tiny: 0/2 trials are complete\n")
    assert end(plan, replace(outcome, bad_input=True), False)[0] == 2


def test_an_interrupted_rehearsal_is_an_interruption(plan: Plan, end: End) -> None:
    assert end(plan, Outcome(ended={one.key: Ended("SKIPPED", INTERRUPTED) for one in plan.trials}), False) == (130, "", "")


def test_a_search_that_is_refused_has_not_succeeded_though_all_that_it_has_drawn_is_done(search: Plan, end: End) -> None:
    said = "vdit: x\nvdit: tiny: 2/2 trials are complete, 3 points are not drawn yet\n"
    assert end(search, Outcome(refused=("x",)), True) == (1, "", said)
    assert end(search, Outcome(refused=("x",), bad_input=True), True) == (2, "", said)
    assert status(search, Outcome(refused=("x",)), True) == "FAILED"


def test_a_search_that_is_interrupted_between_two_points_is_interrupted(search: Plan, end: End) -> None:
    assert end(search, Outcome(), True) == (130, "", "")
    assert status(search, Outcome(), True) == "KILLED"


def test_points_to_draw_are_no_concern_of_who_asked_for_an_arm(search: Plan, end: End) -> None:
    assert end(search, Outcome(), False)[::2] == (0, "")
    assert status(search, Outcome(), False) == "FINISHED"


def test_the_run_of_a_point_that_was_ended_early_is_killed_where_it_was_asked_for_and_left(plan: Plan) -> None:
    key = plan.trials[1].key
    pruned = replace(plan, pruned={key: "stopped by ASHA at step 2 of 6"})
    left = Outcome(ended={key: Ended("PREEMPTED", INTERRUPTED)})
    assert status(pruned, left, searched=False) == "KILLED"
    assert status(pruned, left, searched=True) == "FINISHED"


def test_a_search_for_what_no_result_has_names_the_key_and_what_they_have(search: Plan, end: End) -> None:
    asked = replace(search, study=replace(search.study, search=Search(trials=4, metric="mean_iou")), undrawn=0)
    with pytest.raises(ValueError, match=r"search\.metric 'mean_iou' is not in .*result\.json, which has j, jf; name one of those"):
        end(asked, Outcome(), True)


def test_a_point_that_was_ended_early_is_no_failure_and_the_best_ones_are_shown(plan: Plan, end: End, tmp_path: Path) -> None:
    first, second = plan.trials
    folder_of(first, tmp_path).mkdir(parents=True)
    (folder_of(first, tmp_path) / "result.json").write_text(json.dumps({"metrics": {"jf": 25.04}}))
    study = replace(plan.study, search=Search(trials=1))
    searched = replace(plan, study=study, trials=(replace(first, done=True), second), pruned={second.key: "stopped by ASHA at step 2 of 6"})
    outcome = Outcome(finished={first.key}, ended={second.key: Ended("SKIPPED", "stopped by ASHA at step 2 of 6")})
    code, said, errors = end(searched, outcome, True)
    assert (code, errors) == (0, "")
    assert said == "tiny: all 2 trials are done; 1 of them were ended early; vdit tables tiny makes the tables\n  jf 25.04: VD-IT\n"


def test_a_search_that_its_budget_stops_between_two_points_has_not_succeeded(plan: Plan, end: End) -> None:
    done = replace(plan, trials=tuple(replace(one, done=True) for one in plan.trials))
    code, _, errors = end(done, Outcome(stopped="budget: 1 of 1 wall_hours are spent"), False)
    assert code == 1 and errors == "vdit: tiny: 2/2 trials are complete (budget: 1 of 1 wall_hours are spent)\n"


def test_trials_that_failed_alike_share_a_line_with_their_logs(plan: Plan, end: End) -> None:
    code, _, errors = end(plan, Outcome(failed=dict.fromkeys([one.key for one in plan.trials], "boom")), False)
    assert code == 1
    assert errors.startswith("vdit: VD-IT (seed 0), VD-T (seed 0) failed: boom\nvdit: the whole story is in ")
    assert errors.endswith("vdit: tiny: 0/2 trials are complete\n")


def test_the_share_of_the_time_that_is_not_the_models_is_said(plan: Plan, end: End, tmp_path: Path) -> None:
    """Of results that have it: 3 of 20 seconds."""
    for planned, numbers in zip(
        plan.trials, ({"seconds": 15.0, "model_seconds": 13.0}, {"seconds": 5.0, "model_seconds": 4.0}), strict=True
    ):
        folder_of(planned, tmp_path).mkdir(parents=True)
        (folder_of(planned, tmp_path) / "result.json").write_text(json.dumps(numbers))
    code, out, _ = end(plan, Outcome(finished={one.key for one in plan.trials}), False)
    assert code == 0 and "  15% of the trials' time was outside the model: " in out
    (folder_of(plan.trials[0], tmp_path) / "result.json").write_text(json.dumps({"seconds": 15.0}))
    assert "  20% of the trials' time" in end(plan, Outcome(finished={one.key for one in plan.trials}), False)[1]
