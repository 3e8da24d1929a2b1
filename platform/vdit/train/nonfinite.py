"""Where a loss that is not finite comes from: the first module whose output has NaN or infinity in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import takewhile
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

    A module ends before those that contain it, so that the innermost one is named. Some are never called, only their weights are read (the
    layers of the head's feed-forward networks, temporal convolutions): where what a module was given is not finite either, that of them is
    named whose weights are not finite, the nearest one; where all weights are finite, the name says what is known.
    """
    modules = [(f"{prefix}.{name}".strip("."), module) for prefix, network in networks for name, module in network.named_modules()]
    found: list[tuple[str, bool]] = []
    hooks = [module.register_forward_hook(_remember(name, found), with_kwargs=True) for name, module in modules]
    try:
        with torch.no_grad():
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        return None
    name, given_finite = found[0]
    if given_finite:
        return name
    broken = [other for other, module in modules if not _finite([*module.parameters(recurse=False), *module.buffers(recurse=False)])]
    return max(broken, key=lambda other: _shared(other, name), default=f"{name} (already in its input)")


def _remember(name: str, found: list[tuple[str, bool]]) -> Callable[..., None]:
    def hook(_module: nn.Module, given: object, named: object, output: object) -> None:
        if not found and not _finite(output):
            found.append((name, _finite((given, named))))

    return hook


def _finite(value: object) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors(value))


def _shared(one: str, other: str) -> int:
    """Of how many modules both are a part."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


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
