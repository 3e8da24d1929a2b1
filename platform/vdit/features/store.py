"""A folder of frozen stages that trials, studies and machines share: one writer an entry, whole or not at all, checked when read.

Entries lie in ROOT/<group>/<first two digits>/<key>. A lock is the kernel's, on one of 256 files: it goes with the process that held it.
A URL may lie behind the folder, which then has a copy of what was needed.
"""

import json
import logging
import mmap
import os
import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vdit.features.envelope import Bytes, DamagedError, seal, unseal
from vdit.features.remote import Remote, place, remote_of
from vdit.lock import locked

log = logging.getLogger(__name__)

MARK = "store.json"  # says that the folder is a store, and which one
LOCKS = "locks"
FORMAT = 1
PATIENCE = 120.0  # seconds that a reader waits for who computes the entry it wants, before it computes it too; well below a collective's


@dataclass(frozen=True, slots=True)
class Store:
    """A store that is there: what `create` made, or `open_store` found."""

    root: Path
    remote: Remote | None = None

    def path(self, name: str) -> Path:
        """Of the entry `name`, "<group>/<key>"."""
        return self.root / place(name)

    def read(self, name: str) -> memoryview | None:
        """As `here`; what is missing or damaged here is fetched. Raises RemoteError where what lies behind does not answer."""
        try:
            found = self.here(name)
        except DamagedError:
            if not self.fetched(name):
                raise
        else:
            if found is not None or not self.fetched(name):
                return found
        return self.here(name)

    def here(self, name: str) -> memoryview | None:
        """The contents of an entry, mapped and not copied; None where there is none. Raises DamagedError for a torn or changed one."""
        try:
            with self.path(name).open("rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    return unseal(b"")
                # Copied on write, so that no tensor made of it can change the file.
                return unseal(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)))
        except FileNotFoundError:
            return None

    def fetched(self, name: str) -> bool:
        """Whether what lies behind has the entry, which then lies here, too."""
        if self.remote is None:
            return False
        with self.draft(name) as draft:
            found = self.remote.fetch(name, draft)
            if found:
                draft.replace(self.path(name))
        return found

    def publish(self, name: str, parts: Iterable[Bytes]) -> None:
        """Makes an entry of `parts`, in the place of a damaged one too: others see all of it or nothing. `send` puts it behind, too."""
        with self.draft(name) as draft:
            with draft.open("wb") as file:
                file.writelines(seal(parts))
            draft.replace(self.path(name))

    def send(self, name: str) -> None:
        """Puts an entry that is here behind, too: outside `writing`, since it may take long. Raises RemoteError."""
        if self.remote is not None:
            self.remote.put(name, self.path(name))

    @contextmanager
    def draft(self, name: str) -> Iterator[Path]:
        """A file of this process's own beside an entry, gone after the block."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def writing(self, name: str, patience: float = PATIENCE) -> Iterator[bool]:
        """A block that one process at a time runs for an entry. False where another did not end in time: then publish nothing."""
        place = self.root / LOCKS / name.rpartition("/")[2][:2]
        with place.open("ab") as file:
            mine = locked(file.fileno(), patience)
            if not mine:
                log.warning("waited %.0f s for the writer of %s, which holds %s; going on without the store", patience, name, place)
            yield mine
            # Closing the file frees the lock.


def create(root: Path, remote: Remote | None = None) -> str:
    """Makes the folder a store, if it is none, and tries all that a store needs; returns its identity.

    Raises ValueError where the folder is something else, cannot be written, or has no locks, and where what lies behind cannot be used.
    """
    remedy = "give launch.store, or --store, a folder that can be written and that every node sees, a URL, or `off`"
    if ":/" in str(root):
        raise ValueError(f"store {root} is no folder, and no URL, which has two slashes (s3://bucket/prefix); {remedy}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / MARK).exists():
            if any(not path.name.startswith(".") for path in root.iterdir()):
                raise ValueError(f"store {root} holds other files and no {MARK}; {remedy}")
            _mark(root)
        (root / LOCKS).mkdir(exist_ok=True)
        _try(Store(root))
    except OSError as error:
        raise ValueError(f"store {root} cannot be written ({error.strerror}); {remedy}") from error
    if remote is not None:
        remote.check()
    return identity(root)


def _try(store: Store) -> None:
    """Writes, locks and removes an entry of this process's own."""
    group, key = f".probe-{uuid.uuid4().hex}", uuid.uuid4().hex
    try:
        with store.writing(f"{group}/{key}"):
            store.publish(f"{group}/{key}", [b"probe"])
    finally:
        shutil.rmtree(store.root / group, ignore_errors=True)


def _mark(root: Path) -> None:
    """Writes the mark, unless another process is first."""
    draft = root / f".{MARK}.{uuid.uuid4().hex}"
    draft.write_text(json.dumps({"format": FORMAT, "store": uuid.uuid4().hex}) + "\n")
    try:
        os.link(draft, root / MARK)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def identity(root: Path) -> str:
    """Which store the folder is. Raises ValueError where it is none, such as a folder of the same name on a node that does not share it."""
    try:
        mark = json.loads((root / MARK).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(
            f"store {root} is no store on {socket.gethostname()} ({MARK}: {getattr(error, 'strerror', error)}); "
            "every node must see the same folder: give launch.store, or --store, one that is shared, or `off`"
        ) from error
    if mark["format"] != FORMAT:
        raise ValueError(f"store {root} has format {mark['format']}, this version reads {FORMAT}; give another folder")
    return str(mark["store"])


def open_store(root: Path, remote: Remote | None = None) -> Store:
    """The store in a folder, and what lies behind it; raises ValueError where there is none, or no driver for the URL."""
    identity(root)
    if remote is not None:
        remote.open()
    return Store(root, remote)


def folder_of(setting: str, runs: Path) -> Path | None:
    """The folder that `launch.store` means; None where it is off. Behind a URL's copy, that of the runs folder, lies `remote_of`."""
    if setting == "off":
        return None
    return runs / "store" if setting == "on" or remote_of(setting) is not None else Path(setting)
