"""What is in a store, what of it is damaged, and what no study uses any more. Torch-free."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vdit.features.envelope import DamagedError
from vdit.features.store import LOCKS, Store

STALE = 3600.0  # seconds after which a draft is what a killed writer left


@dataclass(frozen=True, slots=True)
class Group:
    """A folder of the store: one stage under one code, weights, settings and data."""

    name: str
    entries: int
    bytes: int


def groups(store: Store) -> tuple[Group, ...]:
    """By name."""
    found = []
    for folder in sorted(path for path in store.root.iterdir() if path.is_dir() and path.name != LOCKS and not path.name.startswith(".")):
        sizes = [path.stat().st_size for path in entries(folder)]
        found.append(Group(folder.name, len(sizes), sum(sizes)))
    return tuple(found)


def entries(group: Path) -> Iterator[Path]:
    return (path for path in sorted(group.glob("*/*")) if not path.name.startswith("."))


def damaged(store: Store, group: Group) -> Iterator[str]:
    """Names of the entries of a group that are not what was written."""
    for path in entries(store.root / group.name):
        name = f"{group.name}/{path.name}"
        try:
            store.here(name)
        except DamagedError:
            yield name


def used(runs: Path) -> dict[str, list[str]]:
    """The groups that the plans under `runs`/studies use, with the studies. A plan that names none is older than the store."""
    found: dict[str, list[str]] = {}
    for path in sorted((runs / "studies").glob("*/plan.json")):
        for stage in json.loads(path.read_bytes())["stages"]:
            for name in stage.get("groups", ()):
                studies = found.setdefault(name, [])
                studies += [path.parent.name] if path.parent.name not in studies else []
    return found


def drafts(store: Store) -> Iterator[Path]:
    """What killed writers left behind; it was never an entry."""
    now = time.time()
    return (path for path in store.root.glob("*/*/.*") if now - path.stat().st_mtime > STALE)


def drop(store: Store, group: Group) -> None:
    """Removes a group. Who has an entry of it mapped keeps what is mapped."""
    shutil.rmtree(store.root / group.name)
