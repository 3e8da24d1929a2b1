"""How each planned trial stands, read off the runs folder: COMPLETE, FAILED, SKIPPED, PREEMPTED; before it ended, RUNNING or PLANNED."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vdit.schedule import attempts, drivers
from vdit.study.plan import Plan, PlannedTrial
from vdit.train.folder import write_json

State = Literal["COMPLETE", "FAILED", "SKIPPED", "PREEMPTED", "RUNNING", "PLANNED"]
COMPLETE: tuple[State, str] = ("COMPLETE", "")
RUNS: tuple[State, str] = ("RUNNING", "")
WAITS: tuple[State, str] = ("PLANNED", "")
RUNNING = "running.json"
ENDED = "ended.json"
INTERRUPTED = "interrupted"  # the reason where the user, not the study, stopped it


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that a run left without a result."""

    state: Literal["SKIPPED", "PREEMPTED"]
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`reason` is "" for what is complete, runs or was not tried; the counts are of attempts that were lost and that ended in an error."""

    trial: PlannedTrial
    state: State
    reason: str
    lost: int
    errors: int

    def row(self) -> dict[str, Any]:
        """As `vdit status --json` has it."""
        about = self.trial
        names = {"key": about.key, "arm": about.trial.arm, "seed": about.trial.seed, "shared_with": list(about.shared_with)}
        retries = {"infrastructure": self.lost, "code": self.errors}
        return {**names, "state": self.state, "reason": self.reason, "attempts_lost": retries, "folder": f"trials/{about.folder}"}


def of(plan: Plan, runs: Path) -> Iterator[Standing]:
    """Of every trial of a plan, in its order."""
    ended = read_ended(runs / "studies" / plan.study.study)
    living = tuple(drivers.alive(runs / drivers.FOLDER))
    running = {key for driver in living for key in _keys(runs / "studies" / driver.study / RUNNING)}
    claimed = {folder for driver in living for folder in driver.trials}
    for planned in plan.trials:
        folder = runs / "trials" / planned.folder
        known = attempts.read(folder)
        if planned.done:
            state, reason = COMPLETE
        elif (folder / attempts.FAILURE).exists():
            state, reason = "FAILED", str(json.loads((folder / attempts.FAILURE).read_bytes())["reason"])
        elif planned.key in running:
            state, reason = RUNS
        elif planned.key in plan.pruned:
            state, reason = "SKIPPED", plan.pruned[planned.key]
        elif planned.folder in claimed:
            state, reason = ("PREEMPTED", f"runs again: {known.losses[-1].reason}") if known.losses else WAITS
        else:
            state, reason = _left(folder, known, ended.get(planned.key))
        yield Standing(planned, state, reason, known.count("infrastructure"), known.count("code") + known.count("value"))


def _left(folder: Path, known: attempts.Attempts, ended: Ended | None) -> tuple[State, str]:
    """Of a trial that no driver has in hand: as the last run said, or as its folder shows where that run could not say."""
    if ended is not None and (ended.state == "SKIPPED" or begun(folder)):
        return ended.state, ended.reason
    if begun(folder):
        return "PREEMPTED", known.losses[-1].reason if known.losses else "its driver ended; the same command goes on from its checkpoint"
    return WAITS


def begun(folder: Path) -> bool:
    """Whether a trial has left anything to go on from, or to count."""
    return (folder / "checkpoint").exists() or (folder / attempts.NAME).exists()


def unfinished(folder: Path, reason: str) -> Ended:
    """Of a trial that has neither result nor failure when a run ends."""
    return Ended("PREEMPTED" if begun(folder) else "SKIPPED", reason)


def read_ended(study: Path) -> dict[str, Ended]:
    file = study / ENDED
    if not file.exists():
        return {}
    return {key: Ended(**about) for key, about in json.loads(file.read_bytes()).items()}


def keep_ended(study: Path, ended: Mapping[str, Ended]) -> None:
    """Beside those of earlier runs that were not tried this time."""
    together = read_ended(study) | dict(ended)
    if together or (study / ENDED).exists():
        write_json(study / ENDED, {key: asdict(about) for key, about in together.items()})


def forget(study: Path, keys: Collection[str]) -> None:
    """These are tried now: how an earlier run left them does not matter any more."""
    known = read_ended(study)
    kept = {key: about for key, about in known.items() if key not in keys}
    if kept != known:
        write_json(study / ENDED, {key: asdict(about) for key, about in kept.items()})


def keep_running(study: Path, keys: Sequence[str]) -> None:
    """Which trials a driver runs at this moment; what it says counts while the driver lives."""
    write_json(study / RUNNING, list(keys))


def _keys(file: Path) -> list[str]:
    return list(json.loads(file.read_bytes())) if file.exists() else []
