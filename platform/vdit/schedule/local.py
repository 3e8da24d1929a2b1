"""One trial in the calling process, without Ray: for a debugger, and for machines without a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING

from vdit.schedule.run import prepare
from vdit.schedule.view import clock

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.study.plan import Plan, PlannedTrial


def run(planned: "PlannedTrial", plan: "Plan", runs: Path, console: "Console") -> None:
    """Trains, predicts and scores; errors are raised where they happen."""
    import time

    import torch

    from vdit.train.group import alone
    from vdit.train.session import Session

    launch = planned.trial.launch
    torch.set_num_threads(launch.threads)
    device = torch.device("cuda") if launch.gpus else torch.device("cpu")
    started = time.monotonic()
    with alone(device):
        session = Session(0, 1, device, runs)
        progress = session.open(prepare(planned, plan, runs))
        while not progress.finished:
            progress = session.advance()
            loss = f", loss {progress.rows[-1]['loss']:.3f}" if progress.rows else ""
            console.print(
                f"{planned.trial.arm}: {progress.phase} {progress.done}/{progress.total}{loss} [{clock(time.monotonic() - started)}]"
            )
