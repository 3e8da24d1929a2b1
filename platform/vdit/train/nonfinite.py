"""Where a loss that is not finite comes from: the first module whose output has NaN or infinity in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn


class LossNotFiniteError(ArithmeticError):
    """A loss, or a parameter after it, became NaN or infinite: the trial has failed, and going on would hide it."""


def check_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Of what a checkpoint is about to hold. The last step's loss may be finite and its update not; masks of such a model are all empty."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise LossNotFiniteError(f"{name} is not finite after step {step - 1}")


def first_nonfinite(networks: Iterable[tuple[str, nn.Module]], forward: Callable[[], object]) -> str | None:
    """The name, among the modules of `networks`, of the first whose output is not finite while `forward` runs; None where all are.

    A module ends before those that contain it, so that the innermost one is named.
    """
    found: list[str] = []
    hooks = [
        module.register_forward_hook(_remember(f"{prefix}.{name}".strip("."), found))
        for prefix, network in networks
        for name, module in network.named_modules()
    ]
    try:
        with torch.no_grad():
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _remember(name: str, found: list[str]) -> Callable[..., None]:
    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        if not found and not all(bool(torch.isfinite(tensor).all()) for tensor in tensors(output)):
            found.append(name)

    return hook


def tensors(value: Any) -> Iterator[Tensor]:
    """The floating point tensors inside tuples, lists, mappings and dataclasses."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors(part)
    elif is_dataclass(value):
        for field in fields(value):
            yield from tensors(getattr(value, field.name))
