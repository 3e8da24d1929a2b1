"""What lies in a runs folder and no study uses: trials of no plan, checkpoints that no study keeps, leftovers of killed runs."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vdit.config.key import folder_name
from vdit.schedule import drivers
from vdit.study.rehearsal import FOLDER
from vdit.train.folder import DRAFT, stats

# A run writes into its folders at every report; what was written to within this time may belong to one that goes on.
IDLE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A file or folder that may go, and why."""

    path: Path
    why: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Use:
    """What the studies' last plans use, by the names of trial folders; `keep` has the most that any study of a trial keeps."""

    keep: Mapping[str, str]
    starts: frozenset[str]


def find(runs: Path, now: float | None = None) -> list[Piece]:
    """Everything that may go, in the order of its path. Raises ValueError where a plan cannot be read: its trials are not known then."""
    uses, moment = used(runs), time.time() if now is None else now
    pieces = [*trials(runs, uses, moment), *rehearsals(runs, uses, moment), *leftovers(runs, moment)]
    return sorted(pieces, key=lambda piece: piece.path)


def remove(piece: Piece) -> None:
    """A trial's result goes first: from then on it is not done, whatever happens to the rest."""
    if piece.path.is_dir() and not piece.path.is_symlink():
        (piece.path / "result.json").unlink(missing_ok=True)
        shutil.rmtree(piece.path)
    else:
        piece.path.unlink(missing_ok=True)


def used(runs: Path) -> Use:
    keep: dict[str, str] = {}
    wanted: set[str] = set()
    for file in sorted(runs.glob("studies/*/plan.json")):
        plan = plan_of(file)
        kept = str(plan.get("keep", "last"))
        accepted = [older[0] for older in plan.get("accepted", {}).values()]
        for key in (*(row["key"] for row in plan["trials"]), *accepted):
            keep[folder_name(key)] = max(kept, keep.get(folder_name(key), "none"), key=("none", "last", "best").index)
        wanted |= {folder_name(start) for start in plan.get("starts", ())}
    return Use(keep, frozenset(wanted))


def plan_of(file: Path) -> Mapping[str, Any]:
    try:
        plan: Mapping[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}; remove it, then `vdit run {file.parent.name}` writes it again") from error
    return plan


def trials(runs: Path, uses: Use, now: float) -> Iterator[Piece]:
    """Whole folders of trials in no plan, and of those in a plan the checkpoints that no study keeps. Not of what a driver has in hand."""
    claimed = {name for driver in drivers.alive(runs / drivers.FOLDER) for name in driver.trials}
    for folder in folders(runs / "trials"):
        done = (folder / "result.json").exists()
        if folder.name in claimed or (not done and now - newest(folder) < IDLE_SECONDS):
            continue
        # A trial that another will go on from is used, whether or not its own study has a plan.
        if folder.name not in uses.keep and folder.name not in uses.starts:
            yield piece(folder, "trial of no study's plan")
        elif done:
            yield from finished(folder, uses)


def finished(folder: Path, uses: Use) -> Iterator[Piece]:
    """Of a trial that is done and used."""
    keep, checkpoints = uses.keep.get(folder.name, "last"), folder / "checkpoint"
    if keep == "none" and folder.name not in uses.starts and checkpoints.is_dir():
        yield piece(checkpoints, "checkpoints that no study keeps")
    elif keep != "best" and (checkpoints / "best.safetensors").exists():
        yield piece(checkpoints / "best.safetensors", "best checkpoint that no study keeps")
    if (folder / "parts").is_dir():
        yield piece(folder / "parts", "parts of a trial that is done")


def leftovers(runs: Path, now: float) -> Iterator[Piece]:
    """Drafts of killed writers, and what Ray Tune had of killed runs."""
    trained, recipes = folders(runs / "trials"), shown(runs / "pretrain")
    places = [*(runs / name for name in ("manifests", "weights", "data", FOLDER)), *folders(runs / "studies")]
    places += [*trained, *(folder / "checkpoint" for folder in trained)]
    for place in (*places, *recipes, *(stage for recipe in recipes for stage in shown(recipe))):
        for draft in place.glob(".*") if place.is_dir() else ():
            # A checkpoint, or a stage that is copied, has a draft that is a folder.
            if DRAFT.fullmatch(draft.name) and now - newest(draft) >= IDLE_SECONDS:
                yield piece(draft, "draft of a killed run")
    for folder in folders(runs / "ray"):
        if now - newest(folder) >= IDLE_SECONDS:
            yield piece(folder, "Ray's files of a killed run")


def rehearsals(runs: Path, uses: Use, now: float) -> Iterator[Piece]:
    """Those that failed or were cut off, and what is known of those of trials in no plan. Not of a study that a driver has in hand."""
    claimed = {driver.study for driver in drivers.alive(runs / drivers.FOLDER)}
    for folder in folders(runs / FOLDER):
        if folder.name not in claimed and now - newest(folder) >= IDLE_SECONDS:
            yield piece(folder, "rehearsal that failed or was cut off")
    for marker in sorted((runs / FOLDER).glob("*.json")):
        if marker.stem not in uses.keep and now - marker.lstat().st_mtime >= IDLE_SECONDS:
            yield piece(marker, "rehearsal of no study's trial")


def folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.is_symlink()) if place.is_dir() else []


def shown(place: Path) -> list[Path]:
    """Its folders that are no drafts."""
    return [folder for folder in folders(place) if not folder.name.startswith(".")]


def piece(path: Path, why: str) -> Piece:
    return Piece(path, why, sum(about.st_size for about in stats(path)))


def newest(folder: Path) -> float:
    """When something in a folder was last written."""
    return max((about.st_mtime for about in (folder.lstat(), *stats(folder))), default=0.0)
