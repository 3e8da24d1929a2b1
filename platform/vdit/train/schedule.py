"""Which clips a step sees and at which learning rate: functions of the step alone (spec section 5)."""

from dataclasses import dataclass

from vdit.clips.sampling import order
from vdit.config.data import Data
from vdit.config.train import Train
from vdit.video import Item


@dataclass(frozen=True)
class Schedule:
    """The steps of a training. A last, incomplete batch of an epoch is left out, as in the released code."""

    items: tuple[Item, ...]
    data: Data
    train: Train

    def __post_init__(self) -> None:
        if self.steps_per_epoch == 0:
            raise ValueError(f"train.batch is {self.train.batch} but the training split has {len(self.items)} clips; lower train.batch")

    @property
    def steps_per_epoch(self) -> int:
        return len(self.items) // self.train.batch

    @property
    def steps(self) -> int:
        whole = self.train.epochs * self.steps_per_epoch
        return min(whole, self.train.max_steps) if self.train.max_steps else whole

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def indices(self, step: int) -> tuple[int, ...]:
        """Positions in `items` of the global batch of a step: the same for any number of workers."""
        first = step % self.steps_per_epoch * self.train.batch
        permutation = order(len(self.items), self.data.seed, self.epoch(step))
        return tuple(int(index) for index in permutation[first : first + self.train.batch])

    def learning_rate(self, step: int) -> float:
        drops = sum(self.epoch(step) >= drop for drop in self.train.drops)
        return float(self.train.learning_rate * 0.1**drops)
