"""What of a plan this driver runs now: what is missing, unless its retries are used up or another driver runs it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vdit.config.key import folder_name
from vdit.config.trial import Launch
from vdit.schedule import attempts, budgets, nodes, spending, standing
from vdit.schedule.drivers import Driver
from vdit.schedule.placement import Machine, asked, room
from vdit.schedule.reporter import Outcome
from vdit.schedule.standing import Ended
from vdit.study import budget
from vdit.study.budget import Amount
from vdit.study.plan import Plan, PlannedTrial


@dataclass(frozen=True, slots=True)
class Work:
    """`failed` (reasons) and `left` to other drivers are, by key, what is missing too and not run."""

    todo: tuple[PlannedTrial, ...]
    failed: Mapping[str, str]
    left: Mapping[str, Ended]


def refreshed(plan: Plan, runs: Path) -> Plan:
    """With what other drivers finished since the plan was made: once trials are claimed, nobody else finishes them."""
    late = {planned.key for planned in plan.missing if (runs / "trials" / planned.folder / "result.json").exists()}
    if not late:
        return plan
    return replace(plan, trials=tuple(replace(planned, done=planned.done or planned.key in late) for planned in plan.trials))


def of(chosen: Sequence[PlannedTrial], runs: Path, others: Mapping[str, Driver], retry_failed: bool) -> Work:
    """With `retry_failed` trials get their budgets back first."""
    todo, failed, left = [], {}, {}
    for planned in (planned for planned in chosen if not planned.done):
        folder = runs / "trials" / planned.folder
        if planned.key in others:
            left[planned.key] = left_to(others[planned.key])
            continue
        if retry_failed:
            attempts.clear(folder)
        over = budgets.spent(attempts.read(folder))
        if over is not None:
            failed[planned.key] = f"{over.reason}; --retry-failed tries it again"
            continue
        todo.append(planned)
    return Work(tuple(todo), failed, left)


def left_to(driver: Driver) -> Ended:
    """How a trial stands that another driver runs."""
    return Ended("SKIPPED", f"{driver} runs it; run this study again after that")


def settle(work: Work, plan: Plan, runs: Path, outcome: Outcome) -> None:
    """Adds to what was run how the rest stands at the end. What another driver has finished by now is recorded by that one."""
    outcome.failed |= work.failed
    left = {**work.left, **outcome.left}
    late = {key for key in left if (runs / "trials" / folder_name(key) / "result.json").exists()}
    ended = {key: end for key, end in left.items() if key not in late}
    outcome.finished |= late
    outcome.ended |= ended
    standing.keep_ended(runs / "studies" / plan.study.study, ended)


def needed(plan: Plan, count: int, at_once: int) -> Amount:
    """The estimate for `count` of the plan's trials, so many at a time."""
    launch = plan.trials[0].trial.launch
    hours, gpus = plan.each.seconds_per_trial / 3600, launch.workers if launch.gpus else 0
    return Amount(
        gpu_hours=count * hours * gpus,
        wall_hours=math.ceil(count / max(1, at_once)) * hours,
        disk_gb=count * plan.each.bytes_per_trial / 1e9,
    )


def spent(plan: Plan, runs: Path) -> Amount:
    """What all runs of the study have spent. Disk is walked only where the study limits it."""
    wall, gpu = spending.read(runs / "studies" / plan.study.study)
    measured = plan.study.budget.disk_gb < math.inf
    disk = sum(spending.size(runs / "trials" / planned.folder) for planned in plan.trials) if measured else 0
    return Amount(gpu / 3600, wall / 3600, disk / 1e9)


def check_budget(plan: Plan, todo: Sequence[PlannedTrial], runs: Path, at_once: int, undrawn: int = 0) -> None:
    """Raises ValueError where the estimate for `todo` and so many points, so many at a time, exceeds the budget, or that is spent."""
    count, search = len(todo) + undrawn, plan.study.search
    if undrawn and search is not None:
        at_once = min(at_once, search.parallel)
    if count:
        budget.check(plan.study.path, plan.study.budget, spent(plan, runs), needed(plan, count, at_once), plan.each.source)


def at_once(launch: Launch, startable: Sequence[Machine]) -> int:
    """How many trials of this shape the cluster holds, now or after growing; needs a Ray that is attached."""
    shape = asked(launch)
    return max(room(shape, nodes.present()), room(shape, startable)) // shape.workers
