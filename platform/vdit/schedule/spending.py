"""What a study has spent, over all its runs: hours of wall and of GPUs in spent.json, disk as its trials' folders have it."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from vdit.study.budget import Amount
from vdit.train.folder import stats, write_json

NAME = "spent.json"
KEEP_SECONDS = 10.0  # a killed driver forgets no more than this


def read(study: Path) -> tuple[float, float]:
    """Seconds of wall and of GPUs that the study in this folder has spent."""
    file = study / NAME
    if not file.exists():
        return 0.0, 0.0
    try:
        about = json.loads(file.read_bytes())
        return float(about["wall_seconds"]), float(about["gpu_seconds"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file}: {error}; remove it, and the study's budget is counted anew") from error


class Spending:
    """Counts while trials run. `folders` are all of the study's trials; without `measure_disk` nothing is walked."""

    def __init__(self, study: Path, folders: Iterable[Path], measure_disk: bool, now: float) -> None:
        self.study = study
        self.wall, self.gpu = read(study)
        self.sizes: dict[Path, int] = {}
        self.measure_disk = measure_disk
        self.watch(folders)
        self.seen = self.kept = now

    def watch(self, folders: Iterable[Path]) -> None:
        """These are the study's trials, too."""
        self.sizes |= {folder: size(folder) for folder in folders} if self.measure_disk else {}

    def tick(self, now: float, gpus: int, running: Collection[Path]) -> Amount:
        """The time since the last tick was spent on so many GPUs. Written, and the running trials measured, every ten seconds."""
        if gpus or running:
            self.wall += now - self.seen
            self.gpu += (now - self.seen) * gpus
        self.seen = now
        if now - self.kept >= KEEP_SECONDS:
            self.keep(now)
            for folder in self.sizes.keys() & set(running):
                self.sizes[folder] = size(folder)
        return self.amount()

    def ended(self, folder: Path) -> None:
        """A trial is done: its folder will not grow."""
        if folder in self.sizes:
            self.sizes[folder] = size(folder)

    def amount(self) -> Amount:
        return Amount(self.gpu / 3600, self.wall / 3600, sum(self.sizes.values()) / 1e9)

    def keep(self, now: float) -> None:
        self.kept = now
        write_json(self.study / NAME, {"wall_seconds": self.wall, "gpu_seconds": self.gpu})


def size(folder: Path) -> int:
    """Bytes of the files below a folder; 0 where it is not there."""
    return sum(about.st_size for about in stats(folder))
