"""Where single precision is kept under autocast: positions, sampling, dynamic masks, matching and losses (spec 1.11, 3.5, 3.7).

A sampling location or a relative coordinate is a position in pixels, up to some hundreds: bfloat16 would round it by whole pixels.
"""

import torch
from torch import Tensor

from vdit.config.evaluate import Precision


def single(tensor: Tensor) -> Tensor:
    """At least float32: half precision is raised, float64 is left as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """A block in which matrix products and convolutions run in `precision`; "none" leaves everything as it is."""
    if precision == "none":
        return no_autocast(device)
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def no_autocast(device: torch.device) -> torch.autocast:
    """A block in which operations keep the precision of their inputs."""
    return torch.autocast(device.type, enabled=False)
