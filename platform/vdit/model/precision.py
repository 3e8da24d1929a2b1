"""Where single precision is kept under autocast: positions, sampling, dynamic masks, matching and losses (spec 1.11, 3.5, 3.7).

A sampling location or a relative coordinate is a position in pixels, up to some hundreds: bfloat16 would round it by whole pixels.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from vdit.config.evaluate import Precision


def single(tensor: Tensor) -> Tensor:
    """At least float32: half precision is raised, float64 is left as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """A block in which matrix products and convolutions run in `precision`; "none" leaves everything as it is."""
    if precision == "none":
        return no_autocast(device)
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def no_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A block in which operations keep the precision of their inputs; nothing to turn off on a device that has no autocast (meta)."""
    return torch.autocast(device.type, enabled=False) if torch.amp.is_autocast_available(device.type) else nullcontext()
