"""Whether the tensors of a file are those of a model: names, shapes and precision."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from vdit.weights.source import listed

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Of everything in a network's state."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def check(path: Path, given: Mapping[str, Tensor], expected: Shapes, spelled: Callable[[str], str] = str) -> None:
    """Raises ValueError naming the tensors that are missing, unknown, of another shape or not float32; `spelled` is a name in the file."""
    problems = [f"{spelled(name)} is missing" for name in expected if name not in given]
    problems += [f"{spelled(name)} is unknown" for name in given if name not in expected]
    for name in sorted(given.keys() & expected.keys()):
        shape, precision = tuple(given[name].shape), given[name].dtype
        if shape != expected[name]:
            problems.append(f"{spelled(name)} is {shape}, expected {expected[name]}")
        elif precision != torch.float32:
            problems.append(f"{spelled(name)} is {precision}, expected torch.float32")
    if problems:
        raise ValueError(f"{path} does not fit: {listed(problems)}; fetch the published file again, in full precision")


def differences(sizes: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """One line on how sizes differ from the published ones."""
    other = [f"{name} {size} (published: {published[name]})" for name, size in sizes.items() if size != published[name]]
    return f"sizes: {listed(other)}" if other else "sizes: as published"
