"""IoU over all cells of many clips and seeds, its difference between two readings of the same clips, and picks of the right thing."""

# S seeds, B clips

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vdit.pretrain.gate.interval import Array, Interval, bootstrap, ratio
from vdit.pretrain.gate.probe import Found


@dataclass(frozen=True)
class Overlap:
    both_SB: Array
    either_SB: Array
    picked_SB: Array

    @classmethod
    def of(cls, by_seed: Sequence[Found]) -> Self:
        return cls(
            np.stack([found.both_B for found in by_seed]),
            np.stack([found.either_B for found in by_seed]),
            np.stack([found.picked_B for found in by_seed]),
        )

    def where(self, chosen_B: NDArray[np.bool_]) -> "Overlap":
        """Of some of the clips."""
        return Overlap(self.both_SB[:, chosen_B], self.either_SB[:, chosen_B], self.picked_SB[:, chosen_B])

    @property
    def clips(self) -> int:
        return len(self.both_SB.T)

    def iou(self) -> Interval:
        return bootstrap(ratio(self.both_SB, self.either_SB), *self.both_SB.shape)

    def minus(self, other: "Overlap") -> Interval:
        """The difference of IoU, on the same drawn clips and seeds."""
        ours, theirs = ratio(self.both_SB, self.either_SB), ratio(other.both_SB, other.either_SB)
        return bootstrap(lambda seeds_RS, clips_RB: ours(seeds_RS, clips_RB) - theirs(seeds_RS, clips_RB), *self.both_SB.shape)

    def by_seed(self, other: "Overlap") -> str:
        """The same difference under each seed alone, for a note."""
        gains = [ours.minus(theirs).figure for ours, theirs in zip(self.apart(), other.apart(), strict=True)]
        return f"by seed {', '.join(f'{gain:.3f}' for gain in gains)}"

    def apart(self) -> "list[Overlap]":
        """Seed by seed."""
        parts = (self.both_SB, self.either_SB, self.picked_SB)
        return [Overlap(*(part_SB[[seed]] for part_SB in parts)) for seed in range(len(self.both_SB))]

    def picks(self) -> Interval:
        """The share of clips in which the meant thing scores above the other; half is chance."""
        return bootstrap(ratio(self.picked_SB, np.ones_like(self.picked_SB)), *self.picked_SB.shape)
