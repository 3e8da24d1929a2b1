"""How what is written appears: whole or not at all."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A file or folder to write, hidden beside `path`, which it becomes when the block ends well; else it is removed.

    What is there already is replaced, a folder by a folder and a file by a file; raises OSError where it is the other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    discard(draft)
    try:
        yield draft
        if path.is_dir() and draft.is_dir():
            shutil.rmtree(path)
        draft.replace(path)
    finally:
        discard(draft)


def draft_of(path: Path) -> Path:
    """Where this process writes what will be `path`: nodes that share a folder may have processes of one number."""
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")


def discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
