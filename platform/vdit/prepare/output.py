"""What a conversion writes: each file whole or not at all, and over nothing that holds anything else."""

import errno
import filecmp
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from vdit.appearing import appearing


def write(path: Path, text: Iterable[str]) -> str:
    """The pieces of text, one after another, in UTF-8; returns a line about the file.

    A file that holds the same stays as it is; raises ValueError where it holds anything else.
    """
    return write_bytes(path, (piece.encode() for piece in text))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> str:
    """What `write` does, of bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
        return publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> str:
    return write(path, (json.dumps(value, indent=1, ensure_ascii=False), "\n"))


def publish(draft: Path, path: Path) -> str:
    if not path.exists():
        draft.replace(path)
        return f"{path}: written"
    check_same(draft, path)
    return f"{path}: as it was"


def mirror(sources: list[Path], folder: Path, copy: bool) -> None:
    """The files in the folder, as hard links or as copies; the sources are only read.

    Raises ValueError where a file of that name holds anything else, and where the file system cannot link.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        target = folder / source.name
        if target.exists():
            check_same(source, target)
        elif copy:
            copy_whole(source, target)
        else:
            link(source, target)


def link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise ValueError(f"{target} cannot be a link to {source} ({error.strerror}); pass --copy to copy the files") from error
        raise


def copy_whole(source: Path, target: Path) -> None:
    with appearing(target) as draft:
        shutil.copyfile(source, draft)


def check_same(expected: Path, path: Path) -> None:
    if not (path.samefile(expected) or filecmp.cmp(expected, path, shallow=False)):
        raise ValueError(f"{path} exists and does not hold what would be written; remove it, or choose another folder")
