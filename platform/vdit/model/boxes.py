"""Boxes as cx cy w h and their generalised IoU (arXiv 1902.09630), smoothed as released (spec section 4)."""

import torch
from torch import Tensor
from torchvision.ops import box_convert

_EPS = 1e-6  # two empty boxes overlap fully


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """[...] of two [..., 4] tensors of cx cy w h boxes, pair by pair (they may broadcast); in (-1, 1]."""
    low_1, high_1 = torch.split(box_convert(first, "cxcywh", "xyxy"), 2, dim=-1)
    low_2, high_2 = torch.split(box_convert(second, "cxcywh", "xyxy"), 2, dim=-1)
    both = (torch.minimum(high_1, high_2) - torch.maximum(low_1, low_2)).clamp(min=0).prod(dim=-1)
    union = (high_1 - low_1).prod(dim=-1) + (high_2 - low_2).prod(dim=-1) - both
    hull = (torch.maximum(high_1, high_2) - torch.minimum(low_1, low_2)).clamp(min=0).prod(dim=-1)
    return (both + _EPS) / (union + _EPS) - (hull - union + _EPS) / (hull + _EPS)
