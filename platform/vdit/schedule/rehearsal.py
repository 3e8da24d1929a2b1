"""Before anything that takes long: the rehearsal of each arm that had none, in gangs like those of the trials, and what it refuses."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vdit.schedule.attempts import Attempts
from vdit.schedule.budgets import Again, Over
from vdit.schedule.placement import Machine
from vdit.schedule.reporter import Outcome, Reporter, folder_of
from vdit.schedule.run import JOB, run
from vdit.schedule.standing import INTERRUPTED, keep_ended, unfinished
from vdit.schedule.view import View
from vdit.study import plan as planning
from vdit.study.budget import Budget
from vdit.study.plan import Plan, PlannedTrial
from vdit.study.points import Space
from vdit.study.rehearsal import Stage, shortened
from vdit.track.memory import Memory
from vdit.train.folder import REHEARSAL, data_folder, sweep, weights_folder, write_json

# Runs the trials of a plan in a runs folder.
Perform = Callable[[Plan, Sequence[PlannedTrial], Path], Outcome]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the trials may not start, a line a reason; none where they may. `unfinished`: the user interrupted."""

    refused: tuple[str, ...] = ()
    bad_input: bool = False
    unfinished: bool = False


def rehearse(stage: Stage, perform: Perform) -> Verdict:
    """What has no marker yet is performed, then thrown away; where it failed its log stays until the next time."""
    # A driver that was killed in a rehearsal has left it.
    shutil.rmtree(stage.place, ignore_errors=True)
    sweep(stage.place.parent)
    due = stage.due()
    if due:
        verdict = _performed(stage, due, perform)
        if verdict.refused or verdict.unfinished:
            return verdict
        shutil.rmtree(stage.place, ignore_errors=True)
    return Verdict((*stage.unmeasured(), *stage.noops()) if stage.todo else ())


def _performed(stage: Stage, due: Sequence[PlannedTrial], perform: Perform) -> Verdict:
    """Of those that have passed it leaves markers."""
    short = [_short(planned, stage.runs) for planned in due]
    for planned in short:
        write_json(folder_of(planned, stage.place) / REHEARSAL, {})
    outcome = perform(replace(stage.plan, trials=tuple(short)), short, stage.place)
    for planned in due:
        if planned.key in outcome.finished:
            result = json.loads((folder_of(planned, stage.place) / "result.json").read_bytes())
            write_json(stage.file_of(planned), stage.found(planned, result))
    failed = [planned for planned in due if planned.key in outcome.failed]
    if failed:
        return Verdict(tuple(_complaint(stage, planned, outcome.failed[planned.key]) for planned in failed), outcome.bad_input)
    if outcome.stopped:
        return Verdict((outcome.stopped,))
    return Verdict(unfinished=len(outcome.finished) < len(due))


class Rehearsing(Reporter):
    """Told of rehearsals: what a study may cost is no concern of theirs."""

    def verdict(self, key: str, known: Attempts) -> Again | Over:
        """An error is what a rehearsal is there to find: it is told at once. Only what the infrastructure did to it is tried again."""
        last = known.losses[-1]
        return Over(last.reason, final=False) if last.kind == "code" else super().verdict(key, known)


def on_ray(stage: Stage, view: Callable[[dict[str, str]], View], startable: Sequence[Machine] = (), job: str = JOB) -> Verdict:
    """The rehearsal on the Ray cluster of this process. `view` shows trials under the names that it is given by key."""

    def perform(plan: Plan, todo: Sequence[PlannedTrial], place: Path) -> Outcome:
        unlimited = replace(plan, study=replace(plan.study, budget=Budget()))
        with view({planned.key: f"rehearsal of {planned.trial.arm}" for planned in todo}) as shown:
            return run(todo, Rehearsing(unlimited, todo, place, Memory(), shown), startable, job)

    return rehearse(stage, perform)


def stage(plan: Plan, todo: Sequence[PlannedTrial], runs: Path, searched: bool) -> Stage:
    """Of what is to run each arm; of a search, whose points are not known yet, each level."""
    workers = plan.trials[0].trial.launch.workers
    if not searched:
        return Stage(plan, todo, runs, workers)
    corners = Space(plan.study).corners()
    whole = planning.build(plan.study, runs, more=corners)
    names = {arm.name for arm in (*plan.study.arms, *corners)}
    cast = [planned for planned in whole.trials if not planned.done and names & {planned.trial.arm, *planned.shared_with}]
    return Stage(whole, cast, runs, workers)


def refusal(verdict: Verdict, plan: Plan, todo: Sequence[PlannedTrial], runs: Path) -> Outcome:
    """How the trials stand that were not begun for it, which is kept with the study."""
    reason = f"the rehearsal refused the study: {verdict.refused[0]}" if verdict.refused else INTERRUPTED
    ended = {planned.key: unfinished(folder_of(planned, runs), reason) for planned in todo}
    keep_ended(runs / "studies" / plan.study.study, ended)
    return Outcome(ended=ended, refused=verdict.refused, bad_input=verdict.bad_input)


def _short(planned: PlannedTrial, runs: Path) -> PlannedTrial:
    trial = planned.trial
    data, weights = data_folder(trial, planned.data, runs), weights_folder(trial, planned.weights, runs)
    return replace(planned, trial=shortened(trial, data, weights), done=False)


def _complaint(stage: Stage, planned: PlannedTrial, reason: str) -> str:
    log = folder_of(planned, stage.place) / "log.txt"
    where = f"; its log is {log}" if log.exists() else ""
    return f"arm {planned.trial.arm!r} cannot run: {reason} (in its rehearsal, before anything long was started{where})"
