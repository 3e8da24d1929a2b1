"""One trial in the calling process, without Ray: for a debugger, and for machines without a cluster."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vdit.schedule.run import prepare
from vdit.schedule.view import clock
from vdit.train import log

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.study.plan import Plan, PlannedTrial
    from vdit.train.session import Session


def run(todo: "Sequence[PlannedTrial]", plan: "Plan", runs: Path, console: "Console") -> None:
    """Trains, predicts and scores one trial after the other; errors are raised where they happen."""
    import torch

    from vdit.train.group import Member, alone
    from vdit.train.session import Session

    launch = todo[0].trial.launch
    torch.set_num_threads(launch.threads)
    device = torch.device("cuda") if launch.gpus else torch.device("cpu")
    with alone(device):
        session = Session(Member(0, 1, device), runs)
        for planned in todo:
            place = prepare(planned, plan, runs)
            with log.beside(place):
                finish(session, planned, place, console)


def finish(session: "Session", planned: "PlannedTrial", place: Path, console: "Console") -> None:
    started = time.monotonic()
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
        loss = f", loss {progress.rows[-1]['loss']:.3f}" if progress.rows else ""
        console.print(f"{planned.trial.arm}: {progress.phase} {progress.done}/{progress.total}{loss} [{clock(time.monotonic() - started)}]")
