"""The one log of a trial, log.txt in its folder: what its workers print, log and die of, each line with its rank."""

import fcntl
import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "log.txt"
LONGEST = 8192  # characters of a line that is not ended; longer ones are cut into several

log = logging.getLogger(__name__)


class Lines(io.TextIOBase):
    """Text that goes to an open file line by line, each in one piece and with the rank of its worker before it."""

    def __init__(self, file: int, rank: int) -> None:
        self.file, self.prefix = file, f"[{rank}] "
        self.rest = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.file

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        while len(self.rest) > LONGEST:
            lines.append(self.rest[:LONGEST])
            self.rest = self.rest[LONGEST:]
        if lines:
            append(self.file, "".join(f"{self.prefix}{line}\n" for line in lines).encode(errors="replace"))
        return len(text)


def append(file: int, data: bytes) -> None:
    """Whole, also where workers on other machines write to the same file: an NFS client finds the file's end only under a lock."""
    locked = False
    # A file system without locks is one of this machine, or one whose log may have a torn line; neither is worth a trial.
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
        locked = True
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        if locked:
            fcntl.flock(file, fcntl.LOCK_UN)


def redirect(folder: Path, rank: int) -> None:
    """From here on, what this process prints and logs goes to the trial's log; what compiled libraries print, without a rank."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.stdout, sys.stderr = Lines(1, rank), Lines(2, rank)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", force=True)
    deepspeed = logging.getLogger("DeepSpeed")
    deepspeed.handlers, deepspeed.propagate = [], True


@contextmanager
def failures() -> Iterator[None]:
    """An error inside the block is in the log, with its traceback, before it goes on."""
    try:
        yield
    except Exception:  # whatever it is: it is raised again
        log.exception("the trial failed")
        raise


@contextmanager
def beside(folder: Path) -> Iterator[None]:
    """For a trial in the user's own process: what is logged, and an error, is in the trial's log too."""
    with (folder / NAME).open("a") as file:
        handler = logging.StreamHandler(Lines(file.fileno(), 0))
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        ours = logging.getLogger("vdit")
        level = ours.level
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
        try:
            with failures():
                yield
        finally:
            ours.removeHandler(handler)
            ours.setLevel(level)
