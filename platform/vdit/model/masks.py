"""Conditional kernels: every query makes two 1x1 convolutions that draw its mask (Section 4.2; spec 3.7).

K decoder layers, B clips, T frames, N = B x T frames of all clips, Q queries, C channels, O mask channels, H W size at stride 8.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from vdit.model.precision import no_autocast, single

STRIDE = 8
PATCH = 4  # a stride-8 pixel holds 4 x 4 pixels of a stride-2 mask: 16 mask channels


def mask_features(maps_NCHW: list[Tensor]) -> Tensor:
    """[N, C, H, W]: the encoder's 8x, 16x and 32x maps, summed at the size of the first."""
    finest, *coarser = maps_NCHW
    for map_NCHW in coarser:
        finest = finest + _bicubic(map_NCHW, (finest.shape[-2], finest.shape[-1]))
    return finest


def _bicubic(map_NCHW: Tensor, size: tuple[int, int]) -> Tensor:
    """As `F.interpolate`, whose CPU kernels take twice the time: bicubic weights are a product over the axes, so two matrices do it."""
    if map_NCHW.device.type != "cpu":
        return F.interpolate(map_NCHW, size=size, mode="bicubic", align_corners=False)
    rows_YH, columns_XW = (_taps(new, old, map_NCHW) for new, old in zip(size, map_NCHW.shape[-2:], strict=True))
    return torch.einsum("yh,nchw,xw->ncyx", rows_YH, map_NCHW, columns_XW)


def _taps(new: int, old: int, like: Tensor) -> Tensor:
    """[new, old]: how much of each old pixel goes into each new one, along one axis."""
    each = torch.eye(old, dtype=like.dtype, device=like.device)[None, None]
    return F.interpolate(each, size=(new, old), mode="bicubic", align_corners=False)[0, 0]


@dataclass(frozen=True, slots=True)
class Kernels:
    """The two convolutions of each query, cut from the controller's output in the released order."""

    first_KNQOC: Tensor  # over the features
    place_KNQO2: Tensor  # over the relative x and y
    second_KNQOO: Tensor
    first_bias_KNQO: Tensor
    second_bias_KNQO: Tensor


def kernels(parameters_KNQP: Tensor, channels: int) -> Kernels:
    """The reverse of the controller's flat output: weights of both convolutions first, then their biases."""
    outputs = PATCH**2
    lengths = [outputs * (channels + 2), outputs**2, outputs, outputs]
    first, second, first_bias, second_bias = torch.split(parameters_KNQP, lengths, dim=-1)
    first = rearrange(first, "k n q (o c) -> k n q o c", o=outputs)
    second = rearrange(second, "k n q (o i) -> k n q o i", o=outputs)
    return Kernels(first[..., :channels], first[..., channels:], second, first_bias, second_bias)


def dynamic_masks(features_NCHW: Tensor, parameters_KNQP: Tensor, points_KNQ2: Tensor) -> Tensor:
    """[K, N, Q, O, H, W] from features, kernels and the queries' x y in pixels; single precision.

    The relative coordinates are affine in the pixel, so their part of the first convolution is a row term plus a column term:
    neither the features nor the coordinates are repeated for each query.
    """
    with no_autocast(features_NCHW.device):
        features_NCHW, points_KNQ2 = single(features_NCHW), single(points_KNQ2)
        height, width = features_NCHW.shape[-2:]
        kernel = kernels(single(parameters_KNQP), features_NCHW.shape[1])
        hidden = torch.einsum("knqoc,nchw->knqohw", kernel.first_KNQOC, features_NCHW)
        x_KNQW = points_KNQ2[..., :1] - pixel_places(width, points_KNQ2)
        y_KNQH = points_KNQ2[..., 1:] - pixel_places(height, points_KNQ2)
        columns = torch.einsum("knqo,knqw->knqow", kernel.place_KNQO2[..., 0], x_KNQW)
        rows = torch.einsum("knqo,knqh->knqoh", kernel.place_KNQO2[..., 1], y_KNQH) + kernel.first_bias_KNQO[..., None]
        # In place: no product's gradient needs what it gave.
        hidden = hidden.add_(columns[..., None, :]).add_(rows[..., None]).relu_()
        masks = torch.einsum("knqoi,knqihw->knqohw", kernel.second_KNQOO, hidden)
        return masks.add_(kernel.second_bias_KNQO[..., None, None])


def pixel_places(length: int, like: Tensor) -> Tensor:
    """Where the centres of `length` stride-8 pixels are in the image, in pixels."""
    return torch.arange(length, dtype=like.dtype, device=like.device) * STRIDE + STRIDE // 2


def unfold(patches: Tensor) -> Tensor:
    """[..., O, H, W] to [..., 4 H, 4 W]: each pixel's channels become a patch of pixels."""
    return F.pixel_shuffle(patches, PATCH).squeeze(-3)
