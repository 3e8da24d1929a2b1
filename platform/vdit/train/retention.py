"""Which checkpoints of a trial stay on the disk (`launch.keep`), while it runs and when it has ended."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from vdit.config.trial import Keep
from vdit.model.tensors import save
from vdit.train import checkpoint

BEST = "best.safetensors"
RESUMED_FROM = ("exp_avg/", "exp_avg_sq/")  # what only a trial that goes on needs


class Retention:
    """For the worker that writes. `folder` is the trial's checkpoint folder."""

    def __init__(self, folder: Path, keep: Keep) -> None:
        self.folder, self.keep = folder, keep
        self.losses: list[float] = []

    def tidy(self, step: int) -> None:
        """At the start, `step` steps in: drafts of a killed writer go, and a best checkpoint that is not wanted or not reached yet."""
        for draft in self.folder.glob(".*.safetensors.*"):
            draft.unlink(missing_ok=True)
        best = self.best()
        if best is not None and (self.keep != "best" or best[0] > step):
            (self.folder / BEST).unlink()
        self.losses = []

    def saw(self, losses: Iterable[float]) -> None:
        """Of the steps since the last checkpoint."""
        if self.keep == "best":
            self.losses += losses

    def write(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """The checkpoint after `step` steps. The best is written first: a trial killed in between writes the same again."""
        if self.losses:
            mean, before = sum(self.losses) / len(self.losses), self.best()
            if before is None or mean < before[1]:
                self.folder.mkdir(parents=True, exist_ok=True)
                parameters = {name: value for name, value in tensors.items() if not name.startswith(RESUMED_FROM)}
                save(parameters, self.folder / BEST, {"step": str(step), "loss": repr(mean)})
        checkpoint.write(self.folder, tensors, step)
        self.losses = []

    def best(self) -> tuple[int, float] | None:
        """Step and mean loss of the best checkpoint so far."""
        if not (self.folder / BEST).exists():
            return None
        with safe_open(self.folder / BEST, framework="pt") as file:
            about = file.metadata()
        return int(about["step"]), float(about["loss"])

    def end(self) -> None:
        """The trial has its result, so that nothing resumes from here."""
        if self.keep == "none":
            shutil.rmtree(self.folder, ignore_errors=True)
