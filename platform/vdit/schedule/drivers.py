"""Who runs what in a runs folder: one file per driver, so that no study has two drivers and no trial runs twice at once.

A driver announces the keys it is going to run. One file a driver, not a lock a trial: ten thousand locks would be as many open files, and
a driver that dies lets go of all of them at once. On one machine the kernel knows who lives (flock). A driver on another machine, where the
file system may not carry locks, lives as long as it touches its file.
"""

import fcntl
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from vdit.config.key import folder_name
from vdit.lock import locked

FOLDER = "drivers"
BEAT_SECONDS = 15.0
STALE_SECONDS = 120.0
ALONE_SECONDS = 60.0  # that a driver waits for another one to look and announce, which takes milliseconds
BOOT = Path("/proc/sys/kernel/random/boot_id")


def machine() -> str:
    """Of this machine since it was started; a host's name may be another machine's too."""
    return BOOT.read_text().strip() if BOOT.exists() else socket.gethostname()


@dataclass(frozen=True, slots=True)
class Driver:
    """A `vdit run`. `started` is in seconds since the epoch, `trials` are the names of the folders it runs."""

    study: str
    host: str
    machine: str
    pid: int
    started: float
    trials: tuple[str, ...]

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        return f"study {self.study!r} on {self.host}, process {self.pid}, since {since}"


@dataclass
class Claim:
    """This process's entry, given up at the end of the block. `others` has, by key, the driver that runs the trial already."""

    driver: Driver
    file: IO[str]
    path: Path
    others: Mapping[str, Driver]
    ended: threading.Event = field(default_factory=threading.Event)
    swapped: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        threading.Thread(target=self.beat, daemon=True, name="driver's heartbeat").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.path.unlink(missing_ok=True)
        self.file.close()

    def beat(self) -> None:
        while not self.ended.wait(BEAT_SECONDS):
            with self.swapped:
                os.utime(self.file.fileno())

    def add(self, key: str) -> Driver | None:
        """Claims one more trial; where another driver runs it, it is that one's, which is returned."""
        name = folder_name(key)
        if name in self.driver.trials:
            return None
        with alone(self.path.parent):
            others = (driver for driver in alive(self.path.parent) if driver != self.driver)
            owner = next((driver for driver in others if name in driver.trials), None)
            if owner is not None:
                return owner
            self.driver = replace(self.driver, trials=(*self.driver.trials, name))
            with self.swapped:
                # The new entry is locked before it takes the place of the old one, which is open, and so locked, until then.
                before, (self.file, self.path) = self.file, _announce(self.path.parent, self.driver)
                before.close()
        return None


def claim(runs: Path, study: str, keys: Sequence[str], see: str = "") -> Claim:
    """Announces that this process runs the trials `keys` of `study`. Raises ValueError naming the driver that runs the study already.

    Trials that another study's driver runs are that one's: they are in `others`, and are not claimed. `see` is the command that shows how
    the study stands, where there is one.
    """
    folder = runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        found = list(_found(folder))
        for path, driver in found:
            if driver is None:
                path.unlink(missing_ok=True)
        living = [driver for _, driver in found if driver is not None]
        same = next((driver for driver in living if driver.study == study), None)
        if same is not None:
            shows = f" ({see} shows how it stands)" if see else ""
            raise ValueError(f"{same} runs already in {runs}; wait for it or end it{shows}")
        owner = {trial: driver for driver in living for trial in driver.trials}
        others = {key: owner[folder_name(key)] for key in keys if folder_name(key) in owner}
        mine = tuple(folder_name(key) for key in keys if key not in others)
        driver = Driver(study, socket.gethostname(), machine(), os.getpid(), time.time(), mine)
        file, path = _announce(folder, driver)
    return Claim(driver, file, path, others)


def alive(folder: Path) -> Iterator[Driver]:
    """Drivers whose process lives."""
    for _, driver in _found(folder):
        if driver is not None:
            yield driver


def _found(folder: Path) -> Iterator[tuple[Path, Driver | None]]:
    """Every driver's file; None where its driver is dead, or the file was torn by the death of its machine."""
    for path in sorted(folder.glob("*.json")):
        try:
            with path.open() as file:
                driver = _read(file)
                yield path, driver if driver is not None and _lives(file, driver, folder) else None
        except FileNotFoundError:
            continue


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One driver at a time looks and announces. Where another machine does not see this lock, both may find each other: both step back."""
    with (folder / "lock").open("a") as file:
        if not locked(file.fileno(), ALONE_SECONDS):
            raise ValueError(f"another driver has held {folder / 'lock'} for {ALONE_SECONDS:g} s; end it: it may be suspended")
        yield


def _announce(folder: Path, driver: Driver) -> tuple[IO[str], Path]:
    """The file is locked before it has its name, so that it is never seen without its lock."""
    stem = re.sub(r"\W+", "-", f"{driver.study}-{driver.host}-{driver.pid}")[:100]
    path = folder / f"{stem}.json"
    draft = folder / f".{stem}"
    # Open as long as the driver lives: the lock goes with it.
    file = draft.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    json.dump(asdict(driver), file)
    file.flush()
    draft.replace(path)
    return file, path


def _read(file: IO[str]) -> Driver | None:
    """None for what is no driver's whole file."""
    try:
        about = json.load(file)
        return Driver(**{**about, "trials": tuple(about["trials"])})
    except (ValueError, TypeError, KeyError):
        return None


def _lives(file: IO[str], driver: Driver, folder: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    if driver.machine == machine():
        return False
    return _server_time(folder) - os.fstat(file.fileno()).st_mtime < STALE_SECONDS


def _server_time(folder: Path) -> float:
    """By the clock that stamps the files, which on a shared folder is not this machine's."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".time") as probe:
        return os.fstat(probe.fileno()).st_mtime
