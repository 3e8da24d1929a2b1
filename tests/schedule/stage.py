"""A study of the toy job that runs while a test meddles with its cluster."""

import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

WAIT_SECONDS = 240


def until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


@dataclass
class Study:
    """A study of the toy job that runs in a thread, so that the test can meddle with its cluster."""

    runs: Path
    planned: Sequence[Any]
    out: io.StringIO = field(default_factory=io.StringIO)
    outcome: Any = None

    def start(self, plan: Any) -> None:
        from vdit.schedule.run import Reporter, run
        from vdit.schedule.view import view
        from vdit.track.memory import Memory

        def target() -> None:
            names = {planned.key: f"seed {planned.trial.seed}" for planned in self.planned}
            with view(names, Console(file=self.out, width=300)) as shown:
                self.outcome = run(self.planned, Reporter(plan, self.planned, self.runs, Memory(), shown), job="toy:Toy")

        self.thread = threading.Thread(target=target, daemon=True)
        self.thread.start()

    def finish(self) -> None:
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive(), self.out.getvalue()
        assert len(self.outcome.finished) == len(self.planned), (self.outcome, self.out.getvalue())

    def folder(self, seed: int) -> Path:
        from vdit.schedule.run import folder_of

        return folder_of(next(planned for planned in self.planned if planned.trial.seed == seed), self.runs)

    def who(self, seed: int) -> list[dict[str, Any]]:
        """Every worker that opened the trial."""
        files = sorted(self.folder(seed).glob("who.*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def step(self, seed: int) -> int:
        file = self.folder(seed) / "state.json"
        return int(json.loads(file.read_text())[0]) if file.exists() else 0

    def total(self, seed: int) -> int:
        return int(json.loads((self.folder(seed) / "result.json").read_text())["total"])
