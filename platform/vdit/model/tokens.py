"""Frozen image tokens v_t of each frame, the visual half of the prompt (Section 4.1; spec 1.3)."""

# N frames (B x T), P patches and the class token, C channels

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from vdit.config.model import Encode
from vdit.model.collate import channels

if TYPE_CHECKING:
    from open_clip.transformer import VisionTransformer

    from vdit.model.frozen import FrozenDiffusion


def grey_levels(shares_N3HW: Tensor) -> Tensor:
    """Shares of white -> the 8-bit levels they came from, as floats."""
    return (shares_N3HW * 255).round().clamp(0, 255)


def truncated_levels(shares_N3HW: Tensor) -> Tensor:
    """As the released code casts, by way of [-1, 1] and cutting the fraction off, which darkens a fifth of the levels by one (B5)."""
    return (((2 * shares_N3HW - 1) + 1) * 127.5).trunc().clamp(0, 255)


def sides_of(size: int, height: int, width: int) -> tuple[int, int]:
    """Height and width once the shorter side is `size`; the longer one is rounded down."""
    short = min(height, width)
    return size * height // short, size * width // short


def resize_and_crop(levels_N3HW: Tensor, size: int) -> Tensor:
    """Shorter side to `size` by antialiased bicubic interpolation, then the centre `size` x `size`.

    Follows the CLIP image processor, but for a batch and on the frames' own device.
    """
    height, width = levels_N3HW.shape[-2:]
    sides = sides_of(size, height, width)
    # PILLOW resizes rows, keeps whole grey levels, then resizes columns.
    return centre(_resized(_resized(levels_N3HW, (height, sides[1])), sides), size)


def resize_and_crop_by_pil(levels_N3HW: Tensor, size: int) -> Tensor:
    """The CLIP image processor to the bit: PILLOW, frame by frame, on the CPU."""
    height, width = sides_of(size, *levels_N3HW.shape[-2:])
    frames = levels_N3HW.byte().permute(0, 2, 3, 1).cpu().numpy()
    resized = [np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)) for frame in frames]
    return centre(torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).to(levels_N3HW), size)


def centre(levels_N3HW: Tensor, size: int) -> Tensor:
    top, left = ((side - size) // 2 for side in levels_N3HW.shape[-2:])
    return levels_N3HW[..., top : top + size, left : left + size]


def _resized(levels_N3HW: Tensor, sides: tuple[int, int]) -> Tensor:
    return functional.interpolate(levels_N3HW, size=sides, mode="bicubic", antialias=True, align_corners=False).round().clamp(0, 255)


def prepare(shares_N3HW: Tensor, frozen: "FrozenDiffusion", encode: Encode) -> Tensor:
    """Padded frames in shares of white -> the image tower's input [N, 3, S, S]."""
    cast = truncated_levels if encode.cast == "truncate" else grey_levels
    crop = resize_and_crop_by_pil if encode.resize == "pil" else resize_and_crop
    cropped = crop(cast(shares_N3HW.float()), frozen.image_size) / 255
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
