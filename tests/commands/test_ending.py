"""The last lines of `vdit run` and its exit code, of outcomes that are made here by hand."""

import io
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from rich.console import Console

from vdit.commands._ending import conclude
from vdit.schedule.reporter import Outcome, folder_of
from vdit.schedule.standing import INTERRUPTED, Ended
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan
from vdit.study.search import Search

End = Callable[[Plan, Outcome, Collection[str]], tuple[int, str, str]]


@pytest.fixture
def plan(tiny: Path, tmp_path: Path) -> Plan:
    return planning.build(spec.read(str(tiny)), tmp_path)


@pytest.fixture
def end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> End:
    """The exit code, the last lines, and the errors."""

    def end(plan: Plan, outcome: Outcome, pruned: Collection[str] = ()) -> tuple[int, str, str]:
        out, code = io.StringIO(), 0
        try:
            conclude(Console(file=out, width=300), plan, plan.trials, outcome, pruned, tmp_path)
        except typer.Exit as stopped:
            code = stopped.exit_code
        except typer.Abort:
            code = 130
        return code, out.getvalue(), capsys.readouterr().err

    return end


def test_a_refused_study_names_the_arm_and_says_that_nothing_is_complete(plan: Plan, end: End) -> None:
    outcome = Outcome(ended={one.key: Ended("SKIPPED", "the rehearsal refused the study: x") for one in plan.trials}, refused=("x", "y"))
    assert end(plan, outcome, ()) == (1, "", "vdit: x\nvdit: y\nvdit: tiny: 0/2 trials are complete\n")
    assert end(plan, replace(outcome, bad_input=True), ())[0] == 2


def test_an_interrupted_rehearsal_is_an_interruption(plan: Plan, end: End) -> None:
    assert end(plan, Outcome(ended={one.key: Ended("SKIPPED", INTERRUPTED) for one in plan.trials}), ()) == (130, "", "")


def test_a_point_that_was_ended_early_is_no_failure_and_the_best_ones_are_shown(plan: Plan, end: End, tmp_path: Path) -> None:
    first, second = plan.trials
    folder_of(first, tmp_path).mkdir(parents=True)
    (folder_of(first, tmp_path) / "result.json").write_text(json.dumps({"metrics": {"jf": 25.04}}))
    study = replace(plan.study, search=Search(trials=1))
    searched = replace(plan, study=study, trials=(replace(first, done=True), second), pruned={second.key: "stopped by ASHA at step 2 of 6"})
    outcome = Outcome(finished={first.key}, ended={second.key: Ended("SKIPPED", "stopped by ASHA at step 2 of 6")})
    code, said, errors = end(searched, outcome, searched.pruned)
    assert (code, errors) == (0, "")
    assert said == "tiny: all 2 trials are done; 1 of them were ended early; vdit tables tiny makes the tables\n  jf 25.04: VD-IT\n"


def test_a_search_that_its_budget_stops_between_two_points_has_not_succeeded(plan: Plan, end: End) -> None:
    done = replace(plan, trials=tuple(replace(one, done=True) for one in plan.trials))
    code, _, errors = end(done, Outcome(stopped="budget: 1 of 1 wall_hours are spent"), ())
    assert code == 1 and errors == "vdit: tiny: 2/2 trials are complete (budget: 1 of 1 wall_hours are spent)\n"


def test_trials_that_failed_alike_share_a_line_with_their_logs(plan: Plan, end: End) -> None:
    code, _, errors = end(plan, Outcome(failed=dict.fromkeys([one.key for one in plan.trials], "boom")), ())
    assert code == 1
    assert errors.startswith("vdit: VD-IT (seed 0), VD-T (seed 0) failed: boom\nvdit: the whole story is in ")
    assert errors.endswith("vdit: tiny: 0/2 trials are complete\n")
