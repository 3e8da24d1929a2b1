"""Boxes as cx cy w h and their generalised IoU (arXiv 1902.09630), smoothed as released (spec section 4)."""

import torch
from torch import Tensor

_EPS = 1e-6  # two empty boxes overlap fully


def corners(boxes: Tensor) -> Tensor:
    """cx cy w h to x1 y1 x2 y2."""
    centre, size = torch.split(boxes, 2, dim=-1)
    return torch.cat((centre - size / 2, centre + size / 2), dim=-1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """[...] of two [..., 4] tensors of cx cy w h boxes, pair by pair (they may broadcast); in (-1, 1]."""
    low_1, high_1 = torch.split(corners(first), 2, dim=-1)
    low_2, high_2 = torch.split(corners(second), 2, dim=-1)
    both = (torch.minimum(high_1, high_2) - torch.maximum(low_1, low_2)).clamp(min=0).prod(dim=-1)
    union = (high_1 - low_1).prod(dim=-1) + (high_2 - low_2).prod(dim=-1) - both
    hull = (torch.maximum(high_1, high_2) - torch.minimum(low_1, low_2)).clamp(min=0).prod(dim=-1)
    return (both + _EPS) / (union + _EPS) - (hull - union + _EPS) / (hull + _EPS)
