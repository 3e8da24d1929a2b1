"""Matching and the 28 losses of the released VD-IT, layer by layer and clip by clip (spec section 4)."""

# B clips, T frames, Q queries, H W pixels

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_convert, sigmoid_focal_loss

from vdit.model.batch import Targets

ALPHA, GAMMA = 0.25, 2
WEIGHTS = {"ce": 2, "bbox": 5, "giou": 2, "mask": 2, "dice": 5, "mask_low": 2, "dice_low": 5}


@dataclass(frozen=True, slots=True)
class Layer:
    """What a decoder layer says, and the masks of the query that is matched (training) or surest (inference)."""

    logits_BTQ: Tensor
    boxes_BTQ4: Tensor
    chosen_B: Tensor
    low_BTHW: Tensor  # logits at stride 2
    masks_BTHW: Tensor  # logits at full resolution


def giou(first: Tensor, second: Tensor) -> Tensor:
    """[...] of cx cy w h boxes [..., 4]; both fractions smoothed by 1e-6."""
    first, second = (box_convert(boxes, "cxcywh", "xyxy") for boxes in (first, second))
    inner = (torch.min(first[..., 2:], second[..., 2:]) - torch.max(first[..., :2], second[..., :2])).clamp(min=0).prod(dim=-1)
    hull = (torch.max(first[..., 2:], second[..., 2:]) - torch.min(first[..., :2], second[..., :2])).clamp(min=0).prod(dim=-1)
    union = sum((boxes[..., 2:] - boxes[..., :2]).prod(dim=-1) for boxes in (first, second)) - inner
    return (inner + 1e-6) / (union + 1e-6) - (hull - union + 1e-6) / (hull + 1e-6)


def dice(logits: Tensor, truth: Tensor) -> Tensor:
    """Over the last dimension."""
    share = logits.sigmoid()
    return 1 - (2 * (share * truth).sum(dim=-1) + 1) / (share.sum(dim=-1) + truth.sum(dim=-1) + 1)


@torch.no_grad()
def matched(logits_BTQ: Tensor, boxes_BTQ4: Tensor, low_BTQHW: Tensor, targets: Targets) -> Tensor:
    """[B]: each clip's cheapest query."""
    chosen = []
    for clip, (logits_TQ, boxes_TQ4, low_TQHW) in enumerate(zip(logits_BTQ, boxes_BTQ4, low_BTQHW, strict=True)):
        valid_T1 = targets.valid_BT[clip, :, None].float()
        share = logits_TQ.sigmoid()
        visible = ALPHA * (1 - share) ** GAMMA * -(share + 1e-8).log()
        hidden = (1 - ALPHA) * share**GAMMA * -(1 - share + 1e-8).log()
        truth_T14 = targets.boxes_BT4[clip, :, None]
        logits_QX = low_TQHW.transpose(0, 1).flatten(1)
        truth_QX = targets.masks_BTHW[clip, :, 1::2, 1::2].float().flatten().expand_as(logits_QX)
        cost_Q = (
            WEIGHTS["ce"] * ((visible - hidden) * valid_T1).sum(dim=0) / valid_T1.sum()
            + WEIGHTS["bbox"] * (boxes_TQ4 - truth_T14).abs().sum(dim=-1).mean(dim=0)
            - WEIGHTS["giou"] * giou(boxes_TQ4, truth_T14.expand_as(boxes_TQ4)).mean(dim=0)
            + WEIGHTS["mask"] * sigmoid_focal_loss(logits_QX, truth_QX, ALPHA, GAMMA).mean(dim=1)
            + WEIGHTS["dice"] * dice(logits_QX, truth_QX)
        )
        chosen.append(cost_Q.argmin())
    return torch.stack(chosen)


def of_query(values_BTQX: Tensor, chosen_B: Tensor) -> Tensor:
    """[B, T, ...]: the values of each clip's query."""
    picked = [values.index_select(1, chosen) for values, chosen in zip(values_BTQX, chosen_B.split(1), strict=True)]
    return torch.stack(picked).squeeze(2)


def losses(outputs: Sequence[Layer], targets: Targets) -> dict[str, Tensor]:
    """Unweighted, seven a layer, under the released names; divided by the frames that show an object."""
    boxes = targets.valid_BT.sum().clamp(min=1)
    terms: dict[str, Tensor] = {}
    for index, output in enumerate(outputs):
        suffix = "" if index == len(outputs) - 1 else f"_{index}"
        terms |= {f"loss_{name}{suffix}": term / boxes for name, term in layer_losses(output, targets).items()}
    return terms


def layer_losses(output: Layer, targets: Targets) -> dict[str, Tensor]:
    clips, _, queries = output.logits_BTQ.shape
    wanted_BQ = F.one_hot(output.chosen_B, queries)
    visible_BTQ = (wanted_BQ[:, None] * targets.valid_BT[..., None]).float()
    boxes_BT4 = of_query(output.boxes_BTQ4, output.chosen_B)
    truth_BTHW = targets.masks_BTHW.float()
    full, low = output.masks_BTHW.reshape(clips, -1), output.low_BTHW.reshape(clips, -1)
    full_truth, low_truth = truth_BTHW.reshape(clips, -1), truth_BTHW[:, :, 1::2, 1::2].reshape(clips, -1)
    return {
        "ce": sigmoid_focal_loss(output.logits_BTQ, visible_BTQ, ALPHA, GAMMA).sum(),
        "bbox": F.l1_loss(boxes_BT4, targets.boxes_BT4, reduction="none").sum(),
        "giou": (1 - giou(boxes_BT4, targets.boxes_BT4)).sum(),
        "mask": sigmoid_focal_loss(full, full_truth, ALPHA, GAMMA).mean(dim=1).sum(),
        "dice": dice(full, full_truth).sum(),
        "mask_low": sigmoid_focal_loss(low, low_truth, ALPHA, GAMMA).mean(dim=1).sum(),
        "dice_low": dice(low, low_truth).sum(),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """Weighted."""
    weighted = [term * WEIGHTS[name.removeprefix("loss_").rstrip("_0123456789")] for name, term in terms.items()]
    return torch.stack(weighted).sum()
