"""Studies of the toy job, and waiting for them."""

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

WAIT_SECONDS = 600


def until(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS, process: subprocess.Popen[str] | None = None) -> None:
    """Waits for the condition; `process` must not end before."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def plan_of(study: Path, runs: Path) -> Any:
    from vdit.study import plan as planning
    from vdit.study import spec

    return planning.build(spec.read(str(study)), runs)


def drive(plan: Any, runs: Path, out: TextIO) -> Any:
    """Runs the toy job of each trial on the Ray of this process."""
    from vdit.schedule.reporter import Reporter
    from vdit.schedule.run import run
    from vdit.schedule.view import view
    from vdit.track.memory import Memory

    with view({planned.key: f"seed {planned.trial.seed}" for planned in plan.trials}, Console(file=out, width=300)) as shown:
        return run(plan.trials, Reporter(plan, plan.trials, runs, Memory(), shown), job="toy:Toy")


def main(study: str, runs: str, address: str) -> None:
    """A driver of its own, to be killed."""
    import ray

    ray.init(address, log_to_driver=False)
    drive(plan_of(Path(study), Path(runs)), Path(runs), sys.stdout)


@dataclass
class Study:
    """A study of the toy job, which runs while the test meddles with its cluster."""

    file: Path
    runs: Path
    out: io.StringIO = field(default_factory=io.StringIO)
    outcome: Any = None

    def start(self) -> None:
        """In a thread of this process."""

        def target() -> None:
            self.outcome = drive(plan, self.runs, self.out)

        plan = plan_of(self.file, self.runs)
        self.planned = plan.trials
        self.thread = threading.Thread(target=target, daemon=True)
        self.thread.start()

    def apart(self, address: str) -> subprocess.Popen[str]:
        """In a process of its own."""
        self.planned = plan_of(self.file, self.runs).trials
        command = [sys.executable, "-c", "import sys, stage; stage.main(*sys.argv[1:])", str(self.file), str(self.runs), address]
        return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self) -> None:
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive(), self.out.getvalue()
        assert len(self.outcome.finished) == len(self.planned), (self.outcome, self.out.getvalue())

    def folder(self, seed: int) -> Path:
        from vdit.schedule.reporter import folder_of

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
