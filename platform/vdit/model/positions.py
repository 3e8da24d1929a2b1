"""Sine positions of words and of pixels (spec 3.1, 3.2).

B clips, N frames of all clips, L words, C channels, H W positions.
"""

import math

import torch
from einops import rearrange
from torch import Tensor

_EPS = 1e-6
_TEMPERATURE = 10000.0


def _waves(angles: Tensor, channels: int) -> Tensor:
    """[...] angles to [..., channels]: sine on even channels, cosine on odd ones, both of a pair at one frequency."""
    if channels % 2:
        raise ValueError(f"a sine position needs an even number of channels, got {channels}; choose head.width divisible by 4")
    pairs = torch.arange(channels // 2, dtype=angles.dtype, device=angles.device)
    scaled = angles[..., None] / _TEMPERATURE ** (2 * pairs / channels)
    return torch.stack((scaled.sin(), scaled.cos()), dim=-1).flatten(-2)


def word_positions(padding_BL: Tensor, channels: int) -> Tensor:
    """[B, L, C] float32: the last word of a sentence is at 2 pi, whatever its length."""
    index_BL = (~padding_BL).cumsum(dim=1, dtype=torch.float32)
    return _waves(index_BL / (index_BL[:, -1:] + _EPS) * 2 * math.pi, channels)


def pixel_positions(padding_NHW: Tensor, channels: int) -> Tensor:
    """[N, C, H, W] float32: rows in the first half of the channels, columns in the second; the last valid pixel is near 2 pi."""
    seen_NHW = ~padding_NHW
    rows_NHW = seen_NHW.cumsum(dim=1, dtype=torch.float32)
    columns_NHW = seen_NHW.cumsum(dim=2, dtype=torch.float32)
    y_NHW = (rows_NHW - 0.5) / (rows_NHW[:, -1:, :] + _EPS) * 2 * math.pi
    x_NHW = (columns_NHW - 0.5) / (columns_NHW[:, :, -1:] + _EPS) * 2 * math.pi
    waves_NHWC = torch.cat((_waves(y_NHW, channels // 2), _waves(x_NHW, channels // 2)), dim=-1)
    return rearrange(waves_NHWC, "n h w c -> n c h w")
