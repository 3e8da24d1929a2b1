"""All masks refined in one call against one mask after another over concatenated features."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vdit.model.refinement import Refinement


def explicit(refinement: Refinement, mask: Tensor, fine: Tensor, coarse: Tensor) -> Tensor:
    for step, features in ((refinement.coarse, coarse), (refinement.fine, fine)):
        mask = F.interpolate(mask, size=features.shape[-2:], mode="bilinear", align_corners=False)
        mask = mask + step.second(step.first(torch.cat((mask, features), dim=1).relu()).relu())
    return mask


def test_one_call_is_one_mask_after_another() -> None:
    torch.manual_seed(0)
    refinement = Refinement(fine=5, coarse=7)
    masks, fine, coarse = torch.randn(4, 3, 16, 4, 6), torch.randn(3, 5, 8, 12), torch.randn(3, 7, 4, 6)
    together = refinement(masks, fine, coarse)
    assert together.shape == (4, 3, 16, 8, 12)
    for k in range(4):
        torch.testing.assert_close(together[k], explicit(refinement, masks[k], fine, coarse), rtol=1e-5, atol=1e-5)
