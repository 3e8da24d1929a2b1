"""What a person sees while a study runs: one live table on a terminal, one line per event elsewhere."""

import time
from dataclasses import dataclass
from statistics import mean
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

# The share of a trial's time that training takes, the rest being prediction and scores, until a trial of the study has shown it. For the
# remaining time, nothing else.
TRAINING = 0.8


@dataclass
class Row:
    """One trial as it is shown."""

    name: str
    state: str = "waiting"
    position: int = 0
    of: int = 0
    loss: float | None = None
    started: float = 0.0
    seconds: float = 0.0
    trained: float = 0.0  # seconds until its evaluation began

    @property
    def ended(self) -> bool:
        return self.state == "done" or self.state.startswith(("failed", "skipped"))

    def share(self, training: float) -> float:
        """How much of the trial is done, 0 to 1, where training takes a share `training` of its time."""
        if self.ended:
            return 1.0
        part = self.position / self.of if self.of else 0.0
        if self.state == "train":
            return training * part
        return training + (1 - training) * part if self.state == "evaluate" else 0.0


class View(Protocol):
    """Told of every change of a trial; used as a context."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def add(self, key: str, name: str) -> None: ...
    def show(self, key: str, state: str, position: int = 0, of: int = 0, loss: float | None = None) -> None: ...
    def say(self, what: str) -> None: ...


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


class Progressing:
    """Keeps the rows and the remaining time for both kinds of view."""

    def __init__(self, names: dict[str, str], console: Console) -> None:
        self.rows = {key: Row(name) for key, name in names.items()}
        self.console = console
        self.started = time.monotonic()

    def add(self, key: str, name: str) -> None:
        """A trial that was not known from the start."""
        self.rows.setdefault(key, Row(name))

    def update(self, key: str, state: str, position: int, of: int, loss: float | None) -> Row:
        row = self.rows[key]
        row.started = row.started or time.monotonic()
        row.seconds = time.monotonic() - row.started
        if (row.state, state) == ("train", "evaluate"):
            row.trained = row.seconds
        row.state, row.position, row.of = state, position, of
        row.loss = loss if loss is not None else row.loss
        return row

    def say(self, what: str) -> None:
        """A line about the study as a whole."""
        self.console.print(what, highlight=False, markup=False, soft_wrap=True)

    def training(self) -> float:
        """The share of training in the time of the trials that are done and were seen to train."""
        seen = [row.trained / row.seconds for row in self.rows.values() if row.state == "done" and row.trained]
        return mean(seen) if seen else TRAINING

    def remaining(self) -> str:
        training = self.training()
        share = sum(row.share(training) for row in self.rows.values()) / max(1, len(self.rows))
        elapsed = time.monotonic() - self.started
        return f"about {clock(elapsed / share * (1 - share))} left" if share > 0.02 else "estimating"


class LiveView(Progressing):
    """A table that is redrawn in place."""

    def __enter__(self) -> Self:
        self.live = Live(self.table(), console=self.console, refresh_per_second=4)
        self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.live.update(self.table())
        self.live.stop()

    def show(self, key: str, state: str, position: int = 0, of: int = 0, loss: float | None = None) -> None:
        self.update(key, state, position, of, loss)
        self.live.update(self.table())

    def table(self) -> Table:
        finished = sum(row.ended for row in self.rows.values())
        title = f"{finished}/{len(self.rows)} trials, {clock(time.monotonic() - self.started)} elapsed, {self.remaining()}"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for heading, side in (("trial", "left"), ("state", "left"), ("", "right"), ("loss", "right"), ("time", "right")):
            table.add_column(heading, justify=side)  # type: ignore[arg-type]
        shown = sorted(self.rows.values(), key=lambda row: row.state in ("done", "waiting"))[:20]
        for row in (row for row in self.rows.values() if row in shown):
            work = f"{row.position}/{row.of}" if row.of and row.state != "done" else ""
            colour = {"done": "green", "waiting": "dim"}.get(row.state, "red" if row.state.startswith("failed") else "")
            loss = "" if row.loss is None else f"{row.loss:.3f}"
            table.add_row(row.name, Text(row.state, style=colour), work, loss, clock(row.seconds) if row.started else "")
        return table


class LineView(Progressing):
    """A line when a trial changes its state, and at most one every ten seconds in between."""

    QUIET_SECONDS = 10.0

    def __enter__(self) -> Self:
        self.last: dict[str, tuple[str, float]] = {}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def show(self, key: str, state: str, position: int = 0, of: int = 0, loss: float | None = None) -> None:
        row = self.update(key, state, position, of, loss)
        before, when = self.last.get(key, ("", 0.0))
        if before == state and time.monotonic() - when < self.QUIET_SECONDS:
            return
        self.last[key] = (state, time.monotonic())
        work = f" {position}/{of}" if of and state not in ("done", "starting") else ""
        shown_loss = f", loss {row.loss:.3f}" if row.loss is not None and state == "train" else ""
        self.console.print(
            f"{row.name}: {state}{work}{shown_loss} [{clock(row.seconds)}; {self.remaining()}]",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def view(names: dict[str, str], console: Console) -> View:
    """`names` are what is shown for each trial key."""
    return LiveView(names, console) if console.is_terminal else LineView(names, console)
