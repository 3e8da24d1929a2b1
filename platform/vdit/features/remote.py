"""What lies behind a store: its entries at a URL of any fsspec file system, each whole or not at all. Torch-free."""

import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec

# Protocols whose uploads are seen when they are complete: a draft there would be uploaded, copied and deleted.
OBJECTS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"})
# What the libraries below the drivers raise that is no OSError, by module. None of these has to be installed.
FOREIGN = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "aiohttp": ("ClientError",),
    "gcsfs.retry": ("HttpError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
}
REMEDY = (
    "install the driver of its protocol (s3fs for s3://, gcsfs for gs://) and give credentials on every node, "
    "give launch.store, or --store, another URL or folder, or `off`"
)


class RemoteError(OSError):
    """A URL does not answer, or refuses."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Entries lie at URL/<group>/<first two digits>/<key>, as in a folder. What goes wrong there is a RemoteError."""

    url: str

    def fetch(self, name: str, draft: Path) -> bool:
        """Copies an entry, damaged or not, into a file of this machine; False where there is none."""
        return self._down(place(name), draft)

    def put(self, name: str, path: Path) -> None:
        """Makes an entry of the file, in the place of one that is there."""
        self._up(path, place(name))

    def open(self) -> tuple[Any, str]:
        """The file system and the path in it. Raises ValueError where this machine has no driver for the URL."""
        try:
            system, root = fsspec.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise ValueError(f"store {self.url} cannot be opened on {socket.gethostname()} ({error}); {REMEDY}") from error
        return system, root.rstrip("/")

    def check(self) -> None:
        """Looks for, writes, reads back and removes an object of this process's own. Raises ValueError where one of these fails."""
        probe, content = f".probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
        try:
            with TemporaryDirectory() as folder:
                sent, back = Path(folder) / "sent", Path(folder) / "back"
                sent.write_bytes(content)
                # A bucket whose objects may be read but not listed refuses what is not there, and so would every clip that is new.
                self._down(probe, back)
                self._up(sent, probe)
                whole = self._down(probe, back) and back.read_bytes() == content
                with self._speaking() as (system, root):
                    system.rm_file(f"{root}/{probe}")
        except RemoteError as error:
            raise ValueError(f"store {self.url} cannot be used from {socket.gethostname()} ({error}); {REMEDY}") from error
        if not whole:
            raise ValueError(f"store {self.url} does not give back what {socket.gethostname()} has written there; {REMEDY}")

    def _down(self, source: str, draft: Path) -> bool:
        with self._speaking() as (system, root):
            try:
                system.get_file(f"{root}/{source}", str(draft))
            except FileNotFoundError:
                return False
        return True

    def _up(self, path: Path, target: str) -> None:
        with self._speaking() as (system, root):
            if OBJECTS.intersection([system.protocol] if isinstance(system.protocol, str) else system.protocol):
                system.put_file(str(path), f"{root}/{target}")
                return
            folder, _, last = f"{root}/{target}".rpartition("/")
            draft = f"{folder}/.{last}.{uuid.uuid4().hex}"
            system.makedirs(folder, exist_ok=True)
            system.put_file(str(path), draft)
            system.mv(draft, f"{root}/{target}")

    @contextmanager
    def _speaking(self) -> Iterator[tuple[Any, str]]:
        """Drivers raise errors of the libraries below them, which leave as one kind."""
        try:
            yield self.open()
        except failures() as error:
            raise RemoteError(" ".join(str(error).split()) or type(error).__name__) from error


def failures() -> tuple[type[Exception], ...]:
    """What the drivers that are loaded raise where a URL does not answer, or refuses."""
    return (OSError, *(getattr(sys.modules[module], name) for module, names in FOREIGN.items() if module in sys.modules for name in names))


def place(name: str) -> str:
    """Where the entry `name`, "<group>/<key>", lies below the root of a store."""
    group, _, key = name.partition("/")
    return f"{group}/{key[:2]}/{key}"


def remote_of(setting: str) -> Remote | None:
    """What of `launch.store` is a URL; None where it is a folder, on or off."""
    return Remote(setting) if "://" in setting else None
