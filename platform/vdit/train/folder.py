"""A trial's folder on disk (interface.md, Files): who may write what, and when it counts as done."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vdit.appearing import appearing
from vdit.config.shipped import located
from vdit.config.trial import Trial, from_json, to_json

DRAFT = re.compile(r"\..+\.\d+")  # a file that is being written: hidden, the writer's process id at its end
REHEARSAL = "rehearsal.json"  # in the folder of a trial that is only rehearsed: one step, one video, no going on from a checkpoint


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all: written beside and moved over."""
    with appearing(path) as draft:
        draft.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def sweep(*folders: Path) -> None:
    """Removes the drafts in these folders: who opens them is the only writer, so those are of writers that were killed."""
    for path in (path for folder in folders for path in folder.glob(".*") if DRAFT.fullmatch(path.name)):
        path.unlink(missing_ok=True)


def stats(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of all files below a folder; none of what is not there, or goes away in between."""
    inner = (Path(place) / name for place, _, names in os.walk(path) for name in names)
    for file in inner if path.is_dir() and not path.is_symlink() else (path,):
        with suppress(FileNotFoundError):
            yield file.lstat()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a worker needs to know of a trial: config.json holds just this. `data` and `weights` are digests."""

    key: str
    trial: Trial
    code: str
    data: str
    weights: str
    notice: str

    def write(self, folder: Path) -> None:
        digests = {"code": self.code, "data": self.data, "weights": self.weights}
        write_json(folder / "config.json", {"key": self.key, "notice": self.notice, **digests, "trial": json.loads(to_json(self.trial))})


def read_ticket(folder: Path) -> Ticket:
    about = json.loads((folder / "config.json").read_text())
    trial = from_json(json.dumps(about["trial"]))
    return Ticket(about["key"], trial, about["code"], about["data"], about["weights"], about["notice"])


def data_folder(trial: Trial, digest: str, runs: Path) -> Path:
    """Where the trial's data is, or is written: the folder that was given, or one of our own named by the data's digest."""
    return Path(trial.launch.data) if trial.launch.data else runs / "data" / digest.replace(":", "-")[:22]


def weights_folder(trial: Trial, digest: str, runs: Path) -> Path:
    """Where the frozen weights are, or are drawn."""
    return located(trial.launch.weights) if trial.launch.weights else runs / "weights" / digest.replace(":", "-")[:23]


def append_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def keep_rows(path: Path, steps: int) -> None:
    """Drops rows behind the checkpoint that a trial resumes from, which will be written again."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    # The last line may be torn where the writer was killed.
    whole = [line for line in lines if line.endswith("}\n")]
    kept = [line for line in whole if json.loads(line)["step"] < steps]
    with appearing(path) as draft:
        draft.write_text("".join(kept))
