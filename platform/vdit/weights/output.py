"""A folder of converted weights with its manifest: whole or not at all, and over nothing that somebody else put there."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

from torch import Tensor

from vdit.model.tensors import save

MANIFEST = "manifest.json"
WRITER = "vdit weights convert"


@dataclass(frozen=True, slots=True)
class Draft:
    """The folder while it is written. `files` and `sources` are what the manifest says of it: SHA-256 and contents by name."""

    folder: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
        """Writes a safetensors file straight from where the tensors are; returns a line about it."""
        path = self.place(name)
        save({key: tensor.contiguous() for key, tensor in tensors.items()}, path, {"format": "pt", **metadata})
        parameters = sum(tensor.numel() for tensor in tensors.values())
        self.files[name] = {"sha256": digest(path), "tensors": len(tensors), "parameters": parameters}
        return f"{name}: {len(tensors)} tensors, {parameters:,} parameters"

    def copy(self, part: str, source: Path, names: tuple[str, ...]) -> None:
        """Those of the files `names` that the folder `source` has, into the subfolder `part`."""
        for name in (name for name in names if (source / name).exists()):
            self.add((Path(part) / name).as_posix(), (source / name).read_bytes())

    def add(self, name: str, content: bytes) -> None:
        path = self.place(name)
        path.write_bytes(content)
        self.files[name] = {"sha256": digest(path)}

    def source(self, name: str, path: Path) -> None:
        """A file that what is written was made of."""
        self.sources[name] = digest(path)

    def place(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finish(self, about: Mapping[str, Any]) -> None:
        content = {"written_by": WRITER, **about, "sources": self.sources, "files": self.files}
        (self.folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def whole(target: Path) -> Iterator[Draft]:
    """A draft beside `target` that takes its place when the block ends without an error.

    Raises ValueError where `target` holds anything that this command did not write.
    """
    target = target.resolve()
    check_ours(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        draft = Draft(room / "new")
        draft.folder.mkdir()
        yield draft
        if target.exists():
            target.rename(room / "old")
        draft.folder.rename(target)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def check_ours(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target} is a file; give a folder with --to")
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    foreign = sorted(found - written(target / MANIFEST))
    if foreign:
        raise ValueError(f"{target} holds {foreign[0]}, which this command did not write; give an empty or a new folder with --to")


def written(manifest: Path) -> set[str]:
    """The files of a folder that this command wrote before; none where the manifest is another program's."""
    try:
        content = json.loads(manifest.read_bytes())
    except (FileNotFoundError, ValueError):
        return set()
    if not isinstance(content, dict) or content.get("written_by") != WRITER:
        return set()
    return {MANIFEST, *content["files"]}


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
