"""ASHA: which points of a search are ended early, by their mean loss so far (Li et al., MLSys 2020; Ray Tune's scheduler decides).

All points see the same clips in the same order, so that their losses compare long before their masks are worth measuring.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from vdit.study.search import Search

LAST_RUNG = 2**31


class Halving:
    """`exempt` are folders of trials that count as points but are never ended, such as the reference's."""

    def __init__(self, search: Search, exempt: Collection[str] = ()) -> None:
        self.exempt = exempt
        self.rungs = list(rungs(search))
        self.passed: dict[str, int] = {}
        # One that compares nothing where no point is to be ended.
        self.asha = AsyncHyperBandScheduler("step", "loss", "min", LAST_RUNG, search.grace_steps or LAST_RUNG, search.reduction, 1, False)

    def remember(self, folder: Path, ended: bool) -> None:
        """What the trial of an earlier run reached counts as if it had been here.

        One that goes on has gone past all rungs but the one it stands at, of which nobody can say whether it was compared there.
        """
        steps = len(losses(folder)) - (not ended)
        for rung in self.rungs:
            if rung <= steps:
                self.compare(folder, rung)

    def ends(self, folder: Path, step: int, of: int) -> float | None:
        """The mean loss for which a trial at `step` is to be ended; None where it goes on. At its last step it always does."""
        reached = max((rung for rung in self.rungs if rung <= step), default=0)
        if step >= of or reached <= self.passed.get(str(folder), 0):
            return None
        loss, ended = self.compare(folder, reached)
        return loss if ended and str(folder) not in self.exempt else None

    def compare(self, folder: Path, rung: int) -> tuple[float, bool]:
        """With all that reached this rung before."""
        trial, loss = SimpleNamespace(trial_id=str(folder)), mean_loss(folder, rung)
        if str(folder) not in self.passed:
            self.asha.on_trial_add(None, trial)
        self.passed[str(folder)] = rung
        return loss, self.asha.on_trial_result(None, trial, {"step": rung, "loss": loss}) == TrialScheduler.STOP

    def level(self, step: int) -> int:
        """How many rungs a trial has passed at `step`."""
        return sum(rung <= step for rung in self.rungs)


def rungs(search: Search) -> list[int]:
    """Steps at which points are compared."""
    if not search.grace_steps:
        return []
    count = int(math.log(LAST_RUNG / search.grace_steps, search.reduction))
    return [search.grace_steps * search.reduction**power for power in range(count + 1)]


def mean_loss(folder: Path, step: int) -> float:
    """Over the second half of the steps before `step`."""
    found = losses(folder)[step // 2 : step]
    return sum(found) / len(found)


def losses(folder: Path) -> list[float]:
    """By step; a line that was torn by a kill, and all behind it, is written again."""
    file = folder / "metrics.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [float(json.loads(line)["loss"]) for line in lines if line.endswith("}\n")]
