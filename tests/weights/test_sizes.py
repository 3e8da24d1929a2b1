"""Oracle: the majority, counted by hand."""

import pytest
import torch

from vdit.weights.sizes import Sizes

TENSORS = {
    "a": torch.zeros(3, 4),
    "b": torch.zeros(4),
    "c": torch.zeros(5),
    "net.down.0.resnets.0.conv1.weight": torch.zeros(1, 9),
    "net.down.1.resnets.0.conv1.weight": torch.zeros(2, 9),
    "net.down.2.resnets.0.conv1.weight": torch.zeros(3, 9),
    "net.down.3.resnets.0.conv1.weight": torch.zeros(4, 9),
    "layers.0.x": torch.zeros(1),
    "layers.0.y": torch.zeros(1),
    "layers.10.x": torch.zeros(1),
}


def test_most_decide_and_those_that_are_missing_or_too_flat_say_nothing() -> None:
    size = Sizes(TENSORS)
    assert size(("a", 1), ("b", 0), ("c", 0)) == 4
    assert size(("c", 0), ("b", 1), ("z", 0)) == 5


def test_a_tie_and_silence_are_refused_by_name() -> None:
    size = Sizes(TENSORS)
    with pytest.raises(ValueError, match=r"the sizes of b \(4,\) and c \(5,\) contradict each other"):
        size(("b", 0), ("c", 0))
    with pytest.raises(ValueError, match="z and b is missing or has too few dimensions"):
        size(("z", 0), ("b", 1))


def test_blocks_and_layers() -> None:
    size = Sizes(TENSORS)
    assert size.blocks("net.down") == (1, 2, 3, 4)
    assert size.count(r"layers\.(\d+)\.") == 2
