"""Sizes of a model read off its tensors, each from several of them, so that one that is wrong stands out."""

import re
from collections import Counter
from collections.abc import Mapping

from torch import Tensor


class Sizes:
    """Of the tensors of one file, by name."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def __call__(self, *witnesses: tuple[str, int]) -> int:
        """What most witnesses, (name, dimension), say. Raises ValueError naming them where none is there, or as many say something else."""
        there = [(name, axis) for name, axis in witnesses if name in self.tensors and axis < self.tensors[name].dim()]
        if not there:
            raise ValueError(f"{' and '.join(name for name, _ in witnesses)} is missing or has too few dimensions")
        (size, voices), *others = Counter(self.tensors[name].shape[axis] for name, axis in there).most_common(2)
        if others and others[0][1] == voices:
            shapes = " and ".join(f"{name} {tuple(self.tensors[name].shape)}" for name, _ in there)
            raise ValueError(f"the sizes of {shapes} contradict each other")
        return size

    def blocks(self, prefix: str) -> tuple[int, int, int, int]:
        """Channels of the four blocks of a U-Net's or an autoencoder's way down."""
        first, second, third, fourth = (self((f"{prefix}.{block}.resnets.0.conv1.weight", 0)) for block in range(4))
        return first, second, third, fourth

    def count(self, pattern: str) -> int:
        """How many different numbers stand where the pattern has its group."""
        return len({found[1] for name in self.tensors if (found := re.match(pattern, name))})
