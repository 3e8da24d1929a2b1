"""Tells at once when a file is being written: the kernel reports each new name in the folders of a study's runs (inotify)."""

import ctypes
import os
import re
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IN_CREATE = 0x100
NONBLOCK = os.O_NONBLOCK
EVENT = struct.Struct("iIII")
# What vdit writes beside a file and moves over it, with the writer's process id; and SQLite's, which is there during a transaction.
DRAFT = re.compile(r"\..+\.(\d+)")
JOURNAL = "mlflow.db-journal"


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is being written. `writer` is the process id in its name; 0 for the database's journal."""

    path: Path
    writer: int


class Drafts:
    """Watches `runs` and what appears below it, the artifacts not."""

    def __init__(self, runs: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self.libc.inotify_init1(NONBLOCK)
        if self.handle < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.folders: dict[int, Path] = {}
        self.runs = runs
        self.watch(runs)

    def watch(self, folder: Path) -> None:
        number = self.libc.inotify_add_watch(self.handle, os.fsencode(folder), IN_CREATE)
        if number < 0:
            # It was there for a moment only.
            return
        self.folders[number] = folder
        for inner in folder.iterdir():
            self.enter(inner)

    def enter(self, path: Path) -> None:
        if path.is_dir() and path.parent.name != "artifacts" and path.name not in ("artifacts", "ray", "data", "weights"):
            self.watch(path)

    def wait(self, seconds: float) -> Iterator[Written]:
        """What began to be written within so many seconds; returns early with the first."""
        if not select.select([self.handle], [], [], seconds)[0]:
            return
        for path in self.names(os.read(self.handle, 1 << 16)):
            found = DRAFT.fullmatch(path.name)
            if found or path.name == JOURNAL:
                yield Written(path, int(found[1]) if found else 0)
            else:
                self.enter(path)

    def names(self, events: bytes) -> Iterator[Path]:
        place = 0
        while place < len(events):
            number, _, _, length = EVENT.unpack_from(events, place)
            name = events[place + EVENT.size : place + EVENT.size + length].rstrip(b"\0")
            place += EVENT.size + length
            if number in self.folders:
                yield self.folders[number] / os.fsdecode(name)

    def close(self) -> None:
        os.close(self.handle)
