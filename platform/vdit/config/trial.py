"""A trial: one arm with one seed, the unit that Ray schedules."""

from functools import cache
from math import gcd
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.config.model import Model
from vdit.config.strict import STRICT
from vdit.config.train import Train

Keep = Literal["last", "best", "none"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Launch:
    """Where and how a trial runs. Nothing here changes what it computes, so nothing here enters the trial key.

    `data` and `weights` are folders ("" where the platform makes them itself; weights may ship with it, config/shipped.py), `start` the
    file that `train.start` stands for;
    `checkpoint_every` and `report_every` count steps. A worker takes its share of the batch `micro_batch` clips at a time (0: at once);
    `recompute` computes the U-Net's activations again in the backward pass instead of keeping them. `elastic` lets a trial go on with fewer
    workers where the cluster has shrunk; each still takes as many clips at a time as it would among `workers`, so it needs no more memory.

    `store` keeps the frozen stages that trials share: "off", "on" (in the runs folder), a folder that all nodes see, or a URL of a bucket
    (docs/store.md).

    `keep` says what stays of the checkpoints when a trial ends. While it runs there is always the last, which it resumes from. `best` has
    beside that one, which is the one that is scored, the parameters of the checkpoint with the smallest mean training loss before it.
    """

    data: str = ""
    weights: str = ""
    start: str = ""
    workers: Annotated[int, Field(ge=1)] = 1
    threads: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[int, Field(ge=0)] = 0
    micro_batch: Annotated[int, Field(ge=0)] = 0
    recompute: bool = False
    store: str = "off"
    elastic: bool = False
    checkpoint_every: Annotated[int, Field(ge=1)] = 50
    report_every: Annotated[int, Field(ge=1)] = 10
    keep: Keep = "last"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Trial:
    """`seed` draws initial weights and dropout; clips, augmentation and gaussian noise come from `data.seed`."""

    arm: str
    seed: int = 0
    model: Model = Model()
    data: Data = Data()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    launch: Launch = Launch()

    def micro_batch(self, workers: int) -> int:
        """Clips of one forward pass; raises ValueError where workers and parts do not divide the batch evenly."""
        share, rest = divmod(self.train.batch, workers)
        if rest:
            raise ValueError(f"train.batch is {self.train.batch} and launch.workers {workers}; the workers must divide the batch evenly")
        if self.launch.micro_batch and share % self.launch.micro_batch:
            raise ValueError(f"a worker's share is {share} clips, launch.micro_batch {self.launch.micro_batch}; it must divide the share")
        if self.launch.micro_batch or not self.launch.elastic:
            return self.launch.micro_batch or share
        # Not more at a time than among all the workers that were asked for: that is known to fit into a worker's memory.
        return gcd(share, max(1, self.train.batch // self.launch.workers))

    def divides(self, workers: int) -> bool:
        """Whether so many workers can share the batch."""
        share, rest = divmod(self.train.batch, workers)
        return rest == 0 and (not self.launch.micro_batch or share % self.launch.micro_batch == 0)


@cache
def adapter() -> TypeAdapter[Trial]:
    return TypeAdapter(Trial)


def to_json(trial: Trial) -> str:
    """One line of JSON that `from_json` turns back into an equal trial."""
    return adapter().dump_json(trial).decode()


def from_json(text: str) -> Trial:
    return adapter().validate_json(text)
