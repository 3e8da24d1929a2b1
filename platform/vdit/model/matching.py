"""Which query stands for the object of a clip: the cheapest one, the same in all frames (Section 4.2; spec section 4, D5).

K decoder layers, B clips, T frames, Q queries, H W pixels at stride 2.
"""

import torch
from torch import Tensor

from vdit.config.train import MatchWeights
from vdit.model.batch import Targets
from vdit.model.boxes import generalised_iou
from vdit.model.losses import ALPHA, dice, focal, low_masks
from vdit.model.precision import no_autocast, single

_EPS = 1e-8


def _class_costs(logits_KBTQ: Tensor, valid_BT: Tensor) -> Tensor:
    """[K, B, Q]: focal cost of saying visible instead of not, mean over the frames that show the object (0 if none does)."""
    share = logits_KBTQ.sigmoid()
    visible = ALPHA * (1 - share) ** 2 * -(share + _EPS).log()
    hidden = (1 - ALPHA) * share**2 * -(1 - share + _EPS).log()
    return _mean(visible - hidden, valid_BT)


def _mean(values_KBTQ: Tensor, counted_BT: Tensor) -> Tensor:
    """[K, B, Q]: over the frames that count; 0 where none does."""
    counted_BT1 = counted_BT[..., None].to(values_KBTQ.dtype)
    return (values_KBTQ * counted_BT1).sum(dim=2) / counted_BT1.sum(dim=1).clamp(min=1)


def costs(logits_KBTQ: Tensor, boxes_KBTQ4: Tensor, low_KBTQHW: Tensor, targets: Targets, weights: MatchWeights) -> Tensor:
    """[K, B, Q]. Box costs are means over the frames whose boxes count (spec B10); mask costs are over the clip."""
    logits_KBTQ, boxes_KBTQ4, low_KBTQHW = single(logits_KBTQ), single(boxes_KBTQ4), single(low_KBTQHW)
    truth_BT14 = targets.boxes_BT4[:, :, None]
    masks_BT1HW = low_masks(targets.masks_BTHW)[:, :, None]
    distance_KBQ = _mean((boxes_KBTQ4 - truth_BT14).abs().sum(dim=-1), targets.counted)
    overlap_KBQ = _mean(generalised_iou(boxes_KBTQ4, truth_BT14), targets.counted)
    return (
        weights.ce * _class_costs(logits_KBTQ, targets.valid_BT)
        + weights.bbox * distance_KBQ
        - weights.giou * overlap_KBQ
        + weights.mask * focal(low_KBTQHW, masks_BT1HW).mean(dim=(2, 4, 5))
        + weights.dice * dice(low_KBTQHW, masks_BT1HW[None], (2, 4, 5))
    )


@torch.no_grad()
def match(logits_KBTQ: Tensor, boxes_KBTQ4: Tensor, low_KBTQHW: Tensor, targets: Targets, weights: MatchWeights) -> Tensor:
    """[K, B] int64: the query of each clip in each layer; of equal ones the first. Layer by layer: its masks stay in a CPU's cache."""
    with no_autocast(logits_KBTQ.device):
        layers = zip(logits_KBTQ[:, None], boxes_KBTQ4[:, None], low_KBTQHW[:, None], strict=True)
        return torch.cat([costs(*layer, targets, weights).argmin(dim=-1) for layer in layers])
