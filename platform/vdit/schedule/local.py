"""One trial in the calling process, without Ray: for a debugger, and for machines without a cluster."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vdit.schedule.rehearsal import Verdict, rehearse
from vdit.schedule.reporter import Outcome
from vdit.schedule.run import begin, prepare
from vdit.schedule.view import clock
from vdit.study.rehearsal import Stage
from vdit.train import log

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.study.plan import Plan, PlannedTrial
    from vdit.train.session import Session


def run(todo: "Sequence[PlannedTrial]", plan: "Plan", runs: Path, console: "Console", rehearsed: bool) -> Verdict:
    """Trains, predicts and scores one trial after the other, unless a rehearsal refuses; errors are raised where they happen."""
    import torch

    from vdit.train.group import Member, alone
    from vdit.train.session import Session

    launch = todo[0].trial.launch
    torch.set_num_threads(launch.threads)
    device = torch.device("cuda") if launch.gpus else torch.device("cpu")
    with alone(device):
        session = Session(Member(0, 1, device), runs)
        verdict = rehearse(Stage(plan, todo, runs, 1), Here(session, console)) if rehearsed else Verdict()
        for planned in todo if not verdict.refused else ():
            place = begin(planned, plan, runs)
            with log.beside(place):
                finish(session, planned, place, console)
    return verdict


def finish(session: "Session", planned: "PlannedTrial", place: Path, console: "Console") -> None:
    started = time.monotonic()
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
        loss = f", loss {progress.rows[-1]['loss']:.3f}" if progress.rows else ""
        console.print(f"{planned.trial.arm}: {progress.phase} {progress.done}/{progress.total}{loss} [{clock(time.monotonic() - started)}]")


@dataclass(frozen=True, slots=True)
class Here:
    """Performs rehearsals in this process: the first that fails ends them, with its error."""

    session: "Session"
    console: "Console"

    def __call__(self, plan: "Plan", todo: "Sequence[PlannedTrial]", runs: Path) -> Outcome:
        outcome = Outcome()
        for planned in todo:
            self.console.print(f"{planned.trial.arm}: rehearsal", markup=False)
            try:
                self.perform(prepare(planned, plan, runs))
            except ValueError as error:
                raise ValueError(f"arm {planned.trial.arm!r} cannot run (found in its rehearsal): {error}") from error
            outcome.finished.add(planned.key)
        return outcome

    def perform(self, place: Path) -> None:
        with log.beside(place):
            progress = self.session.open(place)
            while not progress.finished:
                progress = self.session.advance()
