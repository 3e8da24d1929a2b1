"""Multi-scale optimisation of a mask with the 8x and 4x features (spec 3.8; the paper's upsampling in Section 4.2, spec D7).

K masks of a frame (decoder layers or queries), N frames of all clips, O mask channels, C channels, H W size at stride 8.
"""

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from vdit.model.masks import PATCH


class _Step(nn.Module):
    """Two convolutions over mask and features, added to the mask.

    The first is cut into a part for the mask and one for the features: a frame's features are convolved once, however many masks it has.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(PATCH**2 + features, PATCH**2, kernel_size=3, padding=1)
        self.second = nn.Conv2d(PATCH**2, PATCH**2, kernel_size=3, padding=1)

    def forward(self, masks_KNOHW: Tensor, features_NCHW: Tensor) -> Tensor:
        count = masks_KNOHW.shape[0]
        mask_weight, feature_weight = torch.split(self.first.weight, [PATCH**2, features_NCHW.shape[1]], dim=1)
        seen_NOHW = F.conv2d(features_NCHW.relu(), feature_weight, self.first.bias, padding=1)
        masks = rearrange(masks_KNOHW, "k n o h w -> (k n) o h w")
        hidden = F.conv2d(masks.relu(), mask_weight, padding=1) + repeat(seen_NOHW, "n o h w -> (k n) o h w", k=count)
        output: Tensor = masks + self.second(hidden.relu())
        return rearrange(output, "(k n) o h w -> k n o h w", k=count)


class Refinement(nn.Module):
    """A patch mask at stride 8 becomes one of full resolution."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        self.coarse = _Step(coarse)
        self.fine = _Step(fine)

    def forward(self, masks_KNOHW: Tensor, fine_NCHW: Tensor, coarse_NCHW: Tensor) -> Tensor:
        """[K, N, O, 2 H, 2 W] at stride 4, from the 4x (fine) and 8x (coarse) features."""
        masks_KNOHW = self.coarse(masks_KNOHW, coarse_NCHW)
        flat = rearrange(masks_KNOHW, "k n o h w -> (k n) o h w")
        larger = F.interpolate(flat, size=(fine_NCHW.shape[-2], fine_NCHW.shape[-1]), mode="bilinear", align_corners=False)
        refined: Tensor = self.fine(rearrange(larger, "(k n) o h w -> k n o h w", k=masks_KNOHW.shape[0]), fine_NCHW)
        return refined
