"""Tells the record in the background: a study never waits for MLflow, and what a dead server missed arrives when it is back, once.

A trial's folder, or that of a stage of a pretraining, is the spool: its steps and its result lie there before the record is told of them,
so that memory holds only which trials the record has to be told of. What is not delivered when the study ends, the next `vdit run` finds
in the folders.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vdit.config.key import folder_name
from vdit.track.entry import Entry, Record, RecordLostError, history

ROWS_KEPT = 1000  # of a trial, in memory; more are read from its folder
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between two attempts; each pause is twice the one before
PATIENCE = 10.0  # seconds at the end of a study that a lost record is waited for
STALL = 120.0  # seconds without any delivery after which a record counts as lost at the end of a study


class StudyRecord(Record, Protocol):
    """A record whose study's run is open."""

    def note(self, name: str, value: str) -> None:
        """Tags the study's run."""

    def close(self, status: str) -> None:
        """Ends the study's run."""


@dataclass
class Due:
    """What the record has yet to be told of one trial. `overflow`: its rows have to be read from its folder."""

    entry: Entry
    rows: list[Mapping[str, float]] = field(default_factory=list)
    overflow: bool = False
    finished: Path | None = None
    failed: str | None = None
    skipped: str | None = None

    def add(self, rows: Sequence[Mapping[str, float]]) -> None:
        self.rows += () if self.overflow else rows
        if len(self.rows) > ROWS_KEPT:
            self.rows, self.overflow = [], True

    def before(self, later: "Due | None") -> "Due":
        """This and what came after it, which says how the trial ended if this does not."""
        if later is not None:
            self.add(later.rows)
            self.overflow |= later.overflow
            if later.finished or later.failed is not None or later.skipped is not None:
                self.finished, self.failed, self.skipped = later.finished, later.failed, later.skipped
        return self

    def deliver(self, record: Record, folder: Path, begun: bool) -> None:
        """The record has been told that the trial, whose folder this is, started; `begun`: just now, for the first time here.

        Then it may lack what an earlier driver died before it told of.
        """
        rows = [*history(folder), *self.rows] if self.overflow or begun else self.rows
        if rows:
            record.log(self.entry.key, rows)
        if self.finished:
            record.finish(self.entry, self.finished)
        if self.failed is not None:
            record.fail(self.entry.key, self.failed)
        if self.skipped is not None:
            record.skip(self.entry.key, self.skipped)


class Spool:
    """A Record that answers at once. `record` is open; `reopen` opens it again, with its study's run, after it was lost.

    `say` is told when it is lost and when it is back, from another thread. `place` is the folder of an entry, by default a trial's.
    """

    def __init__(
        self,
        record: StudyRecord,
        reopen: Callable[[], StudyRecord],
        runs: Path,
        say: Callable[[str], None],
        place: Callable[[Entry], Path] | None = None,
    ) -> None:
        self.record: StudyRecord | None = record
        self.reopen, self.runs, self.say = reopen, runs, say
        self.place = place or (lambda entry: runs / "trials" / folder_name(entry.key))
        self.known: dict[str, Entry] = {}
        self.due: dict[str, Due] = {}
        self.started: set[str] = set()
        self.notes: dict[str, str] = {}
        # The newest plan, and whether the record has yet to be told of it.
        self.plan: Mapping[str, Any] | None = None
        self.planned = False
        self.closing, self.closed, self.error = "", False, ""
        self.delivered = time.monotonic()
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.work, name="record", daemon=True)
        self.thread.start()

    def start(self, entry: Entry) -> None:
        self.tell(Due(entry))

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        due = Due(self.known[key])
        due.add(rows)
        self.tell(due)

    def finish(self, entry: Entry, folder: Path) -> None:
        self.tell(Due(entry, finished=folder))

    def fail(self, key: str, reason: str) -> None:
        self.tell(Due(self.known[key], failed=reason))

    def skip(self, key: str, reason: str) -> None:
        self.tell(Due(self.known[key], skipped=reason))

    def study(self, plan: Mapping[str, Any]) -> None:
        """The plan has changed, such as by a point that a search has drawn."""
        with self.changed:
            self.plan, self.planned = plan, True
            self.changed.notify_all()

    def note(self, name: str, value: str) -> None:
        """Tags the study's run."""
        with self.changed:
            self.notes[name] = value
            self.changed.notify_all()

    def tell(self, due: Due) -> None:
        key = due.entry.key
        with self.changed:
            self.known[key] = due.entry
            self.due[key] = self.due[key].before(due) if key in self.due else due
            self.changed.notify_all()

    def close(self, status: str) -> str:
        """Waits for what is due, but not for a server that stays away; returns "" or what is not recorded and why."""
        with self.changed:
            self.closing = status
            self.changed.notify_all()
            since = time.monotonic()
            while self.thread.is_alive() and not self.closed:
                self.changed.wait(0.2)
                now = time.monotonic()
                if (self.error and now - since > PATIENCE) or now - max(since, self.delivered) > STALL:
                    break
            return "" if self.closed else self.left()

    def left(self) -> str:
        names = [f"{due.entry.arm} (seed {due.entry.seed})" for due in self.due.values()]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        what = f"{', '.join(names[:5])}{more} not recorded yet" if names else "the study's run is not closed"
        return f"{what}: {self.error or 'the record does not answer; results stay in the runs folder, the next vdit run records them'}"

    def work(self) -> None:
        """Delivers until the study is closed. A trial that fails goes to the end of the line, so that it holds up no other."""
        pause = FIRST_PAUSE
        while not self.closed:
            with self.changed:
                self.changed.wait_for(lambda: self.due or self.notes or self.planned or self.closing)
                key = next(iter(self.due), "")
                due, last = self.due.pop(key, None), "" if key else self.closing
            try:
                self.deliver(due, last)
            except RecordLostError as error:
                self.lose(due, error)
                self.rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE

    def deliver(self, due: Due | None, last: str) -> None:
        """One trial, or the notes and the study's `last` status where none is due."""
        if self.record is None:
            self.record, self.started = self.reopen(), set()
            # It was opened with the plan of the start.
            self.planned = self.plan is not None
        record = self.record
        self.replan(record)
        for name, value in dict(self.notes).items():
            record.note(name, value)
            del self.notes[name]
        if due is not None:
            begun = self.begin(due.entry, record)
            due.deliver(record, self.place(due.entry), begun)
        if last:
            record.close(last)
        with self.changed:
            self.delivered, self.closed = time.monotonic(), bool(last)
            back, self.error = bool(self.error), ""
            self.changed.notify_all()
        if back:
            self.say("the record answers again; it is told what it missed")

    def replan(self, record: StudyRecord) -> None:
        """Where the record is lost meanwhile it is opened again, and told then."""
        with self.changed:
            due, self.planned = self.planned, False
            plan = self.plan
        if due and plan is not None:
            record.study(plan)

    def begin(self, entry: Entry, record: Record) -> bool:
        """Whether the record was not told before, since it was opened."""
        if entry.key in self.started:
            return False
        record.start(entry)
        self.started.add(entry.key)
        return True

    def lose(self, due: Due | None, error: RecordLostError) -> None:
        with self.changed:
            if due is not None:
                self.due[due.entry.key] = due.before(self.due.pop(due.entry.key, None))
            first, self.error, self.record = not self.error, str(error), None
            self.changed.notify_all()
        if first:
            self.say(f"the study goes on without its record, which is asked again: {error}")

    def rest(self, seconds: float) -> None:
        """Not longer than the first pause once the study waits to be closed."""
        deadline = time.monotonic() + seconds
        with self.changed:
            self.changed.wait_for(lambda: self.closing, timeout=seconds)
        time.sleep(min(FIRST_PAUSE, max(0.0, deadline - time.monotonic())) if self.closing else 0.0)
