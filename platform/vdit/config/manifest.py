"""What a folder holds: a manifest of its files, kept outside it, so that only changed files are read again."""

import json
import os
from collections.abc import Callable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TypeAlias

from vdit.config.canonical import digest

# Relative path -> size, mtime_ns, SHA-256 of the content.
Manifest: TypeAlias = dict[str, tuple[int, int, str]]


def folder_digest(root: Path, manifests: Path, without: frozenset[str] = frozenset()) -> str:
    """SHA-256 over path and content of every file below `root` except hidden files and README*; times and `root` itself do not enter.

    Entries of `root` that are named in `without` are left out.

    The manifest is written to `manifests`, never to `root`. A file of the same size and mtime as before is not read again.
    Raises ValueError naming the folder or file where one is missing, empty or unreadable.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; check the path, or download the data there first")
    paths = sorted(path for path in _below(root, frozenset()) if path.partition("/")[0] not in without)
    if not paths:
        raise ValueError(f"{root}: the folder holds no files; check the path, or download the data there first")
    name = sha256(str(root.resolve()).encode()).hexdigest()[:16]
    manifest = refresh(root, paths, manifests / f"{name}.json", _content)
    return digest({path: [size, content] for path, (size, _, content) in manifest.items()})


def refresh(root: Path, paths: list[str], file: Path, content: Callable[[Path], str]) -> Manifest:
    """The manifest of `paths` below `root`: from `file` where size and mtime still agree, else with `content` computed again.

    `file` is replaced atomically, and only when something changed.
    """
    old = _read(file)
    new: Manifest = {}
    for path in paths:
        status = _stat(root / path)
        known = old.get(path)
        same = known is not None and known[:2] == (status.st_size, status.st_mtime_ns)
        new[path] = known if known is not None and same else (status.st_size, status.st_mtime_ns, content(root / path))
    if new != old:
        _write(file, new)
    return new


def _below(folder: Path, above: frozenset[tuple[int, int]], prefix: str = "") -> Iterator[str]:
    """Relative paths with forward slashes. Links to folders are followed, but not back into a folder above."""
    status = folder.stat()
    here = above | {(status.st_dev, status.st_ino)}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "README")):
                continue
            if not entry.is_dir():
                yield prefix + entry.name
            elif (entry.stat().st_dev, entry.stat().st_ino) not in here:
                yield from _below(Path(entry.path), here, f"{prefix}{entry.name}/")


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}; mend or remove the file") from error


def _content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}; mend or remove the file") from error


def _read(file: Path) -> Manifest:
    """An unreadable manifest is no manifest: everything is computed again, which is always right."""
    try:
        rows = json.loads(file.read_bytes())
        return {path: (int(size), int(mtime), str(content)) for path, (size, mtime, content) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, manifest: Manifest) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # The process id keeps two processes from writing one temporary file.
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    draft.write_text(json.dumps(manifest))
    draft.replace(file)
