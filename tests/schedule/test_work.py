"""What a driver takes on: not what is used up, not what others run, not more than the budget."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.config.trial import Launch
from vdit.schedule import attempts, nodes, standing, work
from vdit.schedule.attempts import Attempts, Loss
from vdit.schedule.drivers import Driver
from vdit.schedule.placement import Machine
from vdit.schedule.reporter import Outcome, folder_of
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.budget import Amount, Budget
from vdit.study.plan import Plan
from vdit.study.preset import Estimate

NAN = Attempts((Loss("value", "loss is nan", "ab", 0.0, False),))
OTHER = Driver("other", "far", "m", 7, 0.0, ())


@pytest.fixture
def plan(tiny: Path, tmp_path: Path) -> Plan:
    return planning.build(spec.read(str(tiny)), tmp_path)


@pytest.fixture
def limited(plan: Plan) -> Callable[..., Plan]:
    """The plan, a hundred hours and 10 GB for its two trials, with a budget."""

    def limited(limits: Budget, **launch: int) -> Plan:
        trials = tuple(replace(one, trial=replace(one.trial, launch=replace(one.trial.launch, **launch))) for one in plan.trials)
        each = Estimate(seconds_per_trial=50 * 3600.0, bytes_per_trial=5 * 10**9, source="a guess")
        return replace(plan, study=replace(plan.study, budget=limits), each=each, trials=trials)

    return limited


def test_a_trial_whose_budget_is_used_up_runs_only_when_it_is_told_to(plan: Plan, tmp_path: Path) -> None:
    first, second = plan.trials
    attempts.write(folder_of(first, tmp_path), NAN)
    found = work.of(plan.trials, tmp_path, {}, retry_failed=False)
    assert found.todo == (second,)
    assert found.failed == {first.key: "loss is nan; --retry-failed tries it again"}
    assert work.of(plan.trials, tmp_path, {}, retry_failed=True) == work.Work(plan.trials, {}, {})
    assert not (folder_of(first, tmp_path) / "attempts.json").exists()


def test_what_another_driver_runs_is_left_to_it_and_counts_once_it_is_there(plan: Plan, tmp_path: Path) -> None:
    first, second = plan.trials
    found = work.of(plan.trials, tmp_path, {first.key: OTHER}, retry_failed=True)
    assert found.todo == (second,)
    outcome = Outcome()
    work.settle(found, plan, tmp_path, outcome)
    assert outcome.ended[first.key].reason.startswith("study 'other' on far, process 7, since ")
    folder_of(first, tmp_path).mkdir(parents=True)
    (folder_of(first, tmp_path) / "result.json").write_text("{}")
    outcome = Outcome()
    work.settle(found, plan, tmp_path, outcome)
    assert outcome.finished == {first.key} and not outcome.ended


def test_a_point_that_was_left_while_the_search_ran_counts_once_it_is_there(plan: Plan, tmp_path: Path) -> None:
    first, second = plan.trials
    left = {planned.key: work.left_to(OTHER) for planned in (first, second)}
    folder_of(first, tmp_path).mkdir(parents=True)
    (folder_of(first, tmp_path) / "result.json").write_text("{}")
    outcome = Outcome(left=left)
    work.settle(work.Work((), {}, {}), plan, tmp_path, outcome)
    assert outcome.finished == {first.key} and outcome.ended == {second.key: left[second.key]}
    assert standing.read_ended(tmp_path / "studies/tiny") == outcome.ended


def test_what_was_finished_after_the_plan_was_made_is_done(plan: Plan, tmp_path: Path) -> None:
    assert work.refreshed(plan, tmp_path) is plan
    folder_of(plan.trials[1], tmp_path).mkdir(parents=True)
    (folder_of(plan.trials[1], tmp_path) / "result.json").write_text("{}")
    assert [planned.done for planned in work.refreshed(plan, tmp_path).trials] == [False, True]


@pytest.mark.parametrize(
    ("limits", "at_once", "told"),
    [
        (Budget(gpu_hours=399), 2, "budget.gpu_hours: the trials to run need about 400 (a guess), the budget is 399"),
        (Budget(wall_hours=99), 1, "budget.wall_hours: the trials to run need about 100"),
        (Budget(wall_hours=49), 2, "budget.wall_hours: the trials to run need about 50"),
        (Budget(disk_gb=9.9), 2, "budget.disk_gb: the trials to run need about 10"),
    ],
)
def test_an_estimate_beyond_the_budget_is_refused(
    limited: Callable[..., Plan], tmp_path: Path, limits: Budget, at_once: int, told: str
) -> None:
    plan = limited(limits, gpus=1, workers=4)
    with pytest.raises(ValueError) as error:
        work.check_budget(plan, plan.trials, tmp_path, at_once)
    assert told in str(error.value)


def test_an_estimate_within_the_budget_is_not(limited: Callable[..., Plan], tmp_path: Path) -> None:
    plan = limited(Budget(gpu_hours=400, wall_hours=50, disk_gb=10), gpus=1, workers=4)
    work.check_budget(plan, plan.trials, tmp_path, 2)
    work.check_budget(limited(Budget(gpu_hours=0)), plan.trials[:0], tmp_path, 2)
    on_cpus = limited(Budget(gpu_hours=0))
    work.check_budget(on_cpus, on_cpus.trials, tmp_path, 2)


def test_half_of_the_trials_need_half(limited: Callable[..., Plan], tmp_path: Path) -> None:
    plan = limited(Budget(gpu_hours=200), gpus=1, workers=4)
    work.check_budget(plan, plan.trials[:1], tmp_path, 1)


def test_a_trial_needs_the_same_however_many_others_are_done_since_the_plan_was_made(
    limited: Callable[..., Plan], plan: Plan, tmp_path: Path
) -> None:
    folder_of(plan.trials[0], tmp_path).mkdir(parents=True)
    (folder_of(plan.trials[0], tmp_path) / "result.json").write_text("{}")
    made = limited(Budget(), gpus=1, workers=4)
    later = work.refreshed(made, tmp_path)
    assert work.needed(later, 1, 1) == work.needed(made, 1, 1) == Amount(gpu_hours=200, wall_hours=50, disk_gb=5)
    assert (made.estimate.seconds, later.estimate.seconds) == (100 * 3600, 50 * 3600)


def test_as_many_trials_run_at_once_as_the_scarcest_resource_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "present", lambda: [Machine("a", {"CPU": 8, "GPU": 5}), Machine("b", {"CPU": 8, "GPU": 1})])
    assert work.at_once(Launch(workers=2, threads=2, gpus=1), ()) == 2
    assert work.at_once(Launch(workers=2, threads=2), ()) == 4
    assert work.at_once(Launch(workers=2, threads=2), [Machine("c", {"CPU": 32}, 2)]) == 16
