"""What a search is told (`design: search`): what it improves, how many points it tries, and axes as ranges instead of lists."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT

# What a trial's result.json has, in percent for masks of videos, from 0 to 1 for detections.
Metric = Literal["jf", "j", "f", "mAP 0.5:0.95", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "overall_iou", "mean_iou"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Search:
    """`trials` counts points, the reference and other written arms not among them.

    Points are drawn from `seed`: the first `startup` at random, the others by TPE. A written arm that is a point counts towards `startup`.
    Each is drawn when all points before it have ended but the last `parallel` - 1, and with what those have shown alone: so the draws do
    not depend on which trial is the faster.

    ASHA compares the mean loss of the points at `grace_steps` steps and at `reduction` times as many, again and again, and at each lets the
    best 1/`reduction` go on; with 0 every point is trained to its end.
    """

    metric: Metric = "jf"
    mode: Literal["max", "min"] = "max"
    trials: Annotated[int, Field(ge=1)]
    parallel: Annotated[int, Field(ge=1)] = 1
    startup: Annotated[int, Field(ge=1)] = 10
    grace_steps: Annotated[int, Field(ge=0)] = 0
    reduction: Annotated[int, Field(ge=2)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


def objective(search: Search, result: Path) -> float:
    """What a search improves, off a trial's result.json. Raises ValueError where that has not measured it."""
    metrics = json.loads(result.read_bytes())["metrics"]
    if search.metric not in metrics:
        raise ValueError(f"search.metric {search.metric!r} is not in {result}, which has {', '.join(sorted(metrics))}; name one of those")
    return float(metrics[search.metric])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Range:
    """The integers from `low` to `high`, both included, `step` apart."""

    low: int
    high: int
    step: Annotated[int, Field(ge=1)] = 1

    def __post_init__(self) -> None:
        if self.high <= self.low or (self.high - self.low) % self.step:
            raise ValueError(f"from {self.low} to {self.high} in steps of {self.step} ends nowhere; high must be whole steps above low")
