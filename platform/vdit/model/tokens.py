"""Frozen image tokens v_t of each frame, the visual half of the prompt (Section 4.1; spec 1.3)."""

# N frames (B x T), P patches and the class token, C channels

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from vdit.model.collate import channels

if TYPE_CHECKING:
    from open_clip.transformer import VisionTransformer

    from vdit.model.frozen import FrozenDiffusion


def grey_levels(shares_N3HW: Tensor) -> Tensor:
    """Shares of white -> the 8-bit levels they came from, as floats. The released code truncates, which darkens a fifth by one (B5)."""
    return (shares_N3HW * 255).round().clamp(0, 255)


def resize_and_crop(levels_N3HW: Tensor, size: int) -> Tensor:
    """Shorter side to `size` by antialiased bicubic interpolation, then the centre `size` x `size`.

    Follows the CLIP image processor, but for a batch and on the frames' own device.
    """
    height, width = levels_N3HW.shape[-2:]
    short = min(height, width)
    sides = (size * height // short, size * width // short)
    # PILLOW resizes rows, keeps whole grey levels, then resizes columns.
    resized = _resized(_resized(levels_N3HW, (height, sides[1])), sides)
    top, left = (sides[0] - size) // 2, (sides[1] - size) // 2
    return resized[..., top : top + size, left : left + size]


def _resized(levels_N3HW: Tensor, sides: tuple[int, int]) -> Tensor:
    return functional.interpolate(levels_N3HW, size=sides, mode="bicubic", antialias=True, align_corners=False).round().clamp(0, 255)


def prepare(shares_N3HW: Tensor, frozen: "FrozenDiffusion") -> Tensor:
    """Padded frames in shares of white -> the image tower's input."""
    cropped = resize_and_crop(grey_levels(shares_N3HW.float()), frozen.image_size) / 255
    return (cropped - channels(frozen.image_mean, cropped)) / channels(frozen.image_std, cropped)


@torch.no_grad()
def tokens(image_tower: "VisionTransformer", pixels_N3SS: Tensor) -> Tensor:
    """[N, 1 + P, C]: class token and patches after the last layer, before ln_post."""
    output = image_tower.forward_intermediates(
        pixels_N3SS,
        indices=1,
        normalize_intermediates=False,
        intermediates_only=True,
        output_fmt="NLC",
        output_extra_tokens=True,
    )
    return torch.cat([output["image_intermediates_prefix"][0], output["image_intermediates"][0]], dim=1)
