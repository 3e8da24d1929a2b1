"""Before anything that takes long: the rehearsal of each arm that had none, in gangs like those of the trials, and what it refuses."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vdit.schedule.run import Outcome, folder_of
from vdit.study.plan import Plan, PlannedTrial
from vdit.study.rehearsal import Stage, shortened
from vdit.train.folder import REHEARSAL, data_folder, weights_folder, write_json

# Runs the trials of a plan in a runs folder.
Perform = Callable[[Plan, Sequence[PlannedTrial], Path], Outcome]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the trials may not start, a line a reason; none where they may. `unfinished`: the user interrupted."""

    refused: tuple[str, ...] = ()
    bad_input: bool = False
    unfinished: bool = False


def rehearse(stage: Stage, perform: Perform) -> Verdict:
    """What has no marker yet is performed, then thrown away; where it failed its log stays."""
    due = stage.due()
    if due:
        shutil.rmtree(stage.place, ignore_errors=True)
        short = [_short(planned, stage.runs) for planned in due]
        for planned in short:
            write_json(folder_of(planned, stage.place) / REHEARSAL, {"of": str(folder_of(planned, stage.runs))})
        outcome = perform(replace(stage.plan, trials=tuple(short)), short, stage.place)
        for planned in due:
            if planned.key in outcome.finished:
                stage.mark(planned, json.loads((folder_of(planned, stage.place) / "result.json").read_bytes()))
        failed = [planned for planned in due if planned.key in outcome.failed]
        if failed:
            return Verdict(tuple(_complaint(stage, planned, outcome.failed[planned.key]) for planned in failed), outcome.bad_input)
        if len(outcome.finished) < len(due):
            return Verdict(unfinished=True)
        shutil.rmtree(stage.place, ignore_errors=True)
    return Verdict((*stage.unmeasured(), *stage.noops()) if stage.todo else ())


def _short(planned: PlannedTrial, runs: Path) -> PlannedTrial:
    trial = planned.trial
    data, weights = data_folder(trial, planned.data, runs), weights_folder(trial, planned.weights, runs)
    return replace(planned, trial=shortened(trial, data, weights), done=False)


def _complaint(stage: Stage, planned: PlannedTrial, reason: str) -> str:
    log = folder_of(planned, stage.place) / "log.txt"
    where = f"; its log is {log}" if log.exists() else ""
    return f"arm {planned.trial.arm!r} cannot run: {reason} (in its rehearsal, before anything long was started{where})"
