"""Told by Tune what happens to each trial; tells view and record, counts budgets, and says what runs again and when the study stops."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vdit.config.trial import Launch, to_json
from vdit.schedule import attempts, budgets, standing
from vdit.schedule.attempts import Attempts, Kind, Loss
from vdit.schedule.budgets import Again, Over
from vdit.schedule.placement import Shape, asked
from vdit.schedule.spending import Spending
from vdit.schedule.stack import identify
from vdit.schedule.view import View, clock
from vdit.study import budget
from vdit.study.plan import Plan, PlannedTrial
from vdit.track.entry import Entry, Record
from vdit.train.folder import write_json

SAME_DEATHS = 3  # trials that may fail of one stack trace before the study stops


@dataclass
class Outcome:
    """How the trials of one run ended, by key; what is in none of the three was left as it was.

    `ended` are those that were skipped or preempted, `stopped` says why the study stopped before it was through: "" where it was not, or
    where the user interrupted it. `refused` says, a line a reason, why the rehearsal let nothing start. `left` are points of a search that
    other drivers ran when they were drawn.
    """

    finished: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    ended: dict[str, standing.Ended] = field(default_factory=dict)
    left: dict[str, standing.Ended] = field(default_factory=dict)
    bad_input: bool = False
    unrecorded: str = ""
    stopped: str = ""
    refused: tuple[str, ...] = ()


@dataclass
class Attempt:
    """What is known of a running trial: the checkpoint it began with, and the last one it passed."""

    began: tuple[bool, int] | None = None
    passed: tuple[bool, int] | None = None

    def saw(self, mark: tuple[bool, int]) -> None:
        self.began = mark if self.began is None else self.began
        self.passed = mark

    @property
    def progressed(self) -> bool:
        return self.began != self.passed


def entry(planned: PlannedTrial, plan: Plan) -> Entry:
    """What the record is told of a trial."""
    trial = planned.trial
    config = json.loads(to_json(trial))
    return Entry(planned.key, trial.arm, trial.seed, planned.levels, planned.code, planned.data, planned.weights, plan.notice, config)


def folder_of(planned: PlannedTrial, runs: Path) -> Path:
    return runs / "trials" / planned.folder


def checkpoint_of(launch: Launch, result: Mapping[str, Any]) -> tuple[bool, int] | None:
    """Where a trial can stop and lose nothing: whether it is measured already, and how far it is. None between two checkpoints."""
    position, measured = int(result["position"]), result["phase"] != "train"
    saved = measured or position % launch.checkpoint_every == 0 or position == int(result["of"])
    return (measured, position) if saved else None


class Reporter:
    """`now` gives seconds since the epoch."""

    def __init__(
        self, plan: Plan, todo: Sequence[PlannedTrial], runs: Path, record: Record, view: View, *, now: Callable[[], float] = time.time
    ) -> None:
        self.plan, self.runs, self.record, self.view, self.now = plan, runs, record, view, now
        self.todo = {str(folder_of(planned, runs)): planned for planned in todo}
        self.shape = asked(plan.trials[0].trial.launch)
        self.place = runs / "studies" / plan.study.study
        self.limits = plan.study.budget
        measured = self.limits.disk_gb < math.inf
        self.spending = Spending(self.place, [folder_of(planned, runs) for planned in plan.trials], measured, now())
        self.running: dict[str, Attempt] = {}
        self.opened: set[str] = set()
        # Lost trials that are to run again, and when a worker or node took them away.
        self.retried: dict[str, float] = {}
        self.given_up: list[str] = []
        self.deaths: dict[str, set[str]] = {}
        self.outcome = Outcome()
        standing.forget(self.place, {planned.key for planned in todo})

    def placed(self, shape: Shape) -> None:
        """What runs from now on is of this shape: elastic trials may hold fewer GPUs than their plan asks for."""
        self.tick()
        self.shape = shape

    def started(self, folder: str) -> None:
        planned, known = self.todo[folder], attempts.read(Path(folder))
        if planned.key in self.retried:
            attempts.write(Path(folder), known.resumed(self.now()))
            del self.retried[planned.key]
        self.tick()
        self.running[folder] = Attempt()
        self.show_running()
        self.open(planned)
        self.view.show(planned.key, "starting")

    def open(self, planned: PlannedTrial) -> None:
        """Its run in the record is open until the trial has ended, or is left."""
        self.opened.add(planned.key)
        self.record.start(entry(planned, self.plan))

    def progressed(self, folder: str, result: Mapping[str, Any]) -> None:
        """A failure the scheduler has dealt with already, unless Tune ended the trial before asking it."""
        if "failure" in result:
            if folder in self.running and isinstance(self.failed(folder, result), Again):
                self.given_up.append(folder)
            return
        planned = self.todo[folder]
        mark = checkpoint_of(planned.trial.launch, result)
        if mark is not None and folder in self.running:
            self.running[folder].saw(mark)
        rows = result.get("rows", ())
        self.record.log(planned.key, rows)
        loss = rows[-1]["loss"] if rows else None
        self.view.show(planned.key, str(result["phase"]), int(result["position"]), int(result["of"]), loss)
        # Tune marks a trial that is stopped as done, too.
        if result["phase"] == "done":
            self.complete(folder)

    def complete(self, folder: str) -> None:
        """The trial's result is in its folder."""
        planned = self.todo[folder]
        self.record.finish(entry(planned, self.plan), Path(folder))
        self.outcome.finished.add(planned.key)
        self.left(folder)

    def failed(self, folder: str, result: Mapping[str, Any]) -> Again | Over:
        """An error of code or data, as the gang reports it."""
        trace, reason = str(result["trace"]), str(result["failure"])
        kind: Kind = "value" if "LossNotFiniteError" in reason else "input" if result["bad_input"] else "code"
        return self.ended(folder, kind, reason, trace)

    def lost(self, folder: str, reason: str) -> Again | Over:
        """A worker, the trial's own process or their node went away."""
        return self.ended(folder, "infrastructure", reason, "")

    def refused(self, folder: str, reason: str, trace: str = "") -> Again | Over:
        """The trial cannot run here, such as for want of a place; the next `vdit run` tries it again."""
        self.open(self.todo[folder])
        return self.ended(folder, "input", reason, trace)

    def ended(self, folder: str, kind: Kind, reason: str, trace: str) -> Again | Over:
        """Counts an attempt that left no result; decides whether there is another one. One that left its result is complete."""
        planned, stack = self.todo[folder], identify(trace)
        if (Path(folder) / "result.json").exists():
            # Whatever went away after it was written.
            self.complete(folder)
            return Over(reason, final=False)
        progressed = folder in self.running and self.running[folder].progressed
        self.left(folder)
        known = attempts.read(Path(folder)).lost(Loss(kind, reason, stack, self.now(), progressed))
        attempts.write(Path(folder), known)
        verdict = self.verdict(planned.key, known)
        if isinstance(verdict, Again):
            self.retried[planned.key] = self.now() if kind == "infrastructure" else math.inf
            self.view.show(planned.key, f"lost, again in {clock(verdict.seconds)}: {reason} ({counted(known)})")
            return verdict
        self.outcome.bad_input |= kind == "input"
        self.fail(planned, verdict.reason, trace)
        self.died(planned.key, stack, reason)
        return verdict

    def verdict(self, key: str, known: Attempts) -> Again | Over:
        """Whether a lost trial runs again, and when."""
        return budgets.verdict(key, known)

    def overdue(self, folder: str) -> bool:
        """Whether a lost trial has waited for a place longer than its budget allows: then it has failed."""
        planned, now = self.todo[folder], self.now()
        if now - self.retried.get(planned.key, math.inf) <= budgets.INFRASTRUCTURE_SECONDS:
            return False
        known = attempts.read(Path(folder)).resumed(now)
        attempts.write(Path(folder), known)
        over = budgets.spent(known)
        assert over is not None
        del self.retried[planned.key]
        self.fail(planned, over.reason, "")
        return True

    def fail(self, planned: PlannedTrial, reason: str, trace: str) -> None:
        self.outcome.failed[planned.key] = reason
        write_json(folder_of(planned, self.runs) / attempts.FAILURE, {"reason": reason, "trace": trace})
        self.record.fail(planned.key, reason)
        self.view.show(planned.key, f"failed: {reason}")

    def skip(self, planned: PlannedTrial, end: standing.Ended) -> None:
        """It has no result, on purpose or for want of time; whoever runs it again goes on from its checkpoint."""
        self.outcome.ended[planned.key] = end
        if planned.key in self.opened:
            self.record.skip(planned.key, f"{end.state}: {end.reason}")

    def died(self, key: str, stack: str, reason: str) -> None:
        """Stops the study where so many trials failed of the same that it is the code, not the trial."""
        if not stack:
            return
        same = self.deaths.setdefault(stack, set())
        same.add(key)
        if len(same) >= SAME_DEATHS:
            self.stop(f"{len(same)} trials failed of the same error ({reason})")

    def stop(self, reason: str) -> None:
        """No new trial; running ones end at their next checkpoint. The first reason counts."""
        self.outcome.stopped = self.outcome.stopped or reason

    def stops_at(self, folder: str, result: Mapping[str, Any]) -> bool:
        """Whether a running trial is to end with this result: the study stops, and it would lose nothing."""
        return bool(self.outcome.stopped) and checkpoint_of(self.todo[folder].trial.launch, result) is not None

    def tick(self) -> None:
        """Counts what is spent; stops the study where its budget is used up."""
        gpus = len(self.running) * self.shape.workers if self.shape.gpu else 0
        spent = self.spending.tick(self.now(), gpus, [Path(folder) for folder in self.running])
        exceeded = budget.over(self.limits, spent)
        if exceeded:
            self.stop(f"budget: {exceeded}")

    def left(self, folder: str) -> None:
        """The trial does not run any more."""
        self.tick()
        if self.running.pop(folder, None) is not None:
            self.spending.ended(Path(folder))
            self.show_running()

    def show_running(self) -> None:
        standing.keep_running(self.place, [self.todo[folder].key for folder in self.running])

    def gave_up(self, folder: str) -> None:
        """Tune ended a lost trial by itself."""
        if self.todo[folder].key in self.retried:
            self.given_up.append(folder)

    def settled(self) -> set[str]:
        """Keys of the trials that this run does not try again."""
        return self.outcome.finished | self.outcome.failed.keys() | self.outcome.ended.keys()

    def abandoned(self) -> list[str]:
        """Folders of trials that Tune ended though their budgets allow more; none where the study stops or the user does."""
        found, self.given_up = self.given_up, []
        settled = self.settled() | {self.todo[folder].key for folder in found}
        interrupted = any(planned.key not in settled for planned in self.todo.values())
        return [] if self.outcome.stopped or interrupted else found

    def preempted(self) -> list[str]:
        """Folders of the trials that a round has left, for the next one; none where the study stops."""
        if self.outcome.stopped:
            return []
        settled = self.settled()
        left = {folder: planned for folder, planned in self.todo.items() if planned.key not in settled}
        for folder, planned in left.items():
            self.left(folder)
            self.view.show(planned.key, "preempted")
        self.given_up = []
        return list(left)

    def close(self) -> None:
        """Every trial that has neither result nor failure is skipped or preempted, and why is kept with the study."""
        self.tick()
        reason, settled = self.outcome.stopped or standing.INTERRUPTED, self.settled()
        for folder, planned in self.todo.items():
            if planned.key not in settled:
                self.skip(planned, standing.unfinished(Path(folder), reason))
        self.running.clear()
        self.show_running()
        self.spending.keep(self.now())
        standing.keep_ended(self.place, self.outcome.ended)


def counted(known: Attempts) -> str:
    """How much of its budgets a trial has used."""
    lost, errors = known.count("infrastructure"), known.count("code")
    told = [f"retry {lost} of {budgets.INFRASTRUCTURE_RETRIES}"] if lost else []
    return ", ".join([*told, *([f"retry {errors} of {budgets.CODE_RETRIES} after errors"] if errors else [])])
