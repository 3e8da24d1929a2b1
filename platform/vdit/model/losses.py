"""The 28 training losses: seven terms for each of four decoder layers, all of the matched query (Section 4.2; spec section 4).

B clips, T frames, Q queries, H W pixels.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import torch
import torch.nn.functional as F
from torch import Tensor

from vdit.config.train import LossWeights
from vdit.model.batch import LayerOutput, Targets
from vdit.model.boxes import generalised_iou
from vdit.model.precision import no_autocast, single

ALPHA = 0.25  # of the focal loss; its gamma is 2


def focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Sigmoid focal loss of each element (arXiv 1708.02002), alpha 0.25 and gamma 2; `truth` is 0 or 1 and may broadcast."""
    truth = truth.to(logits.dtype)
    wrong = logits * (1 - 2 * truth)  # the logit of the other answer
    weight = (1 - ALPHA) + (2 * ALPHA - 1) * truth
    return weight * wrong.sigmoid() ** 2 * -F.logsigmoid(-wrong)


def dice(logits: Tensor, truth: Tensor, dims: tuple[int, ...]) -> Tensor:
    """1 - (2 |P and G| + 1) / (|P| + |G| + 1), summed over `dims`; `truth` may broadcast."""
    share, truth = logits.sigmoid(), truth.to(logits.dtype)
    both = (share * truth).sum(dim=dims)
    return 1 - (2 * both + 1) / (share.sum(dim=dims) + truth.sum(dim=dims) + 1)


def low_masks(masks_BTHW: Tensor) -> Tensor:
    """The truth at stride 2, at the pixels the patch masks stand for."""
    return masks_BTHW[:, :, 1::2, 1::2]


def of_chosen(values_BTQX: Tensor, chosen_B: Tensor) -> Tensor:
    """[B, T, ...]: the values of each clip's chosen query."""
    return values_BTQX[torch.arange(len(chosen_B), device=chosen_B.device), :, chosen_B]


def visible_frames(targets: Targets) -> Tensor:
    """Frames of this batch that show the object; the losses divide by its mean over workers, at least 1."""
    return targets.valid_BT.sum(dtype=torch.float32)


def losses(outputs: tuple[LayerOutput, ...], targets: Targets, weights: LossWeights, boxes: Tensor | float) -> dict[str, Tensor]:
    """Unweighted terms under the released names: no suffix for the last layer, `_0`, `_1`, ... for the earlier ones.

    `boxes` is max(1, visible frames / workers). A term whose weight is zero is not computed.
    """
    used = {name for name, weight in asdict(weights).items() if weight != 0}
    terms: dict[str, Tensor] = {}
    for index, output in enumerate(outputs):
        suffix = "" if index == len(outputs) - 1 else f"_{index}"
        with no_autocast(output.logits_BTQ.device):
            terms |= {f"loss_{name}{suffix}": total_BT / boxes for name, total_BT in _layer(output, targets, used)}
    return terms


def term_names(layers: int, weights: LossWeights) -> tuple[str, ...]:
    """The keys of `losses` for so many decoder layers, in its order."""
    suffixes = [*(f"_{index}" for index in range(layers - 1)), ""]
    return tuple(f"loss_{name}{suffix}" for suffix in suffixes for name, weight in asdict(weights).items() if weight != 0)


def total(terms: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """The weighted sum, every decoder layer alike."""
    weight = asdict(weights)
    return torch.stack([term * weight[re.sub(r"^loss_|_\d+$", "", name)] for name, term in terms.items()]).sum()


def _layer(output: LayerOutput, targets: Targets, used: set[str]) -> Iterator[tuple[str, Tensor]]:
    """Sums over the batch. Boxes count in every frame that `targets.counted` names (spec B10); masks count by clip (spec B11)."""
    chosen_B = output.chosen_B
    if "ce" in used:
        yield "ce", _class_loss(single(output.logits_BTQ), targets.valid_BT, chosen_B)
    if used & {"bbox", "giou"}:
        boxes_BT4 = of_chosen(single(output.boxes_BTQ4), chosen_B)
        if "bbox" in used:
            yield "bbox", (boxes_BT4 - targets.boxes_BT4)[targets.counted].abs().sum()
        if "giou" in used:
            yield "giou", (1 - generalised_iou(boxes_BT4, targets.boxes_BT4))[targets.counted].sum()
    low_BTHW, low_truth = of_chosen(output.low_BTQHW, chosen_B), low_masks(targets.masks_BTHW)
    for suffix, logits, truth in (("", output.masks_BTHW, targets.masks_BTHW), ("_low", low_BTHW, low_truth)):
        if f"mask{suffix}" in used:
            yield f"mask{suffix}", focal(single(logits), truth).mean(dim=(1, 2, 3)).sum()
        if f"dice{suffix}" in used:
            yield f"dice{suffix}", dice(single(logits), truth, (1, 2, 3)).sum()


def _class_loss(logits_BTQ: Tensor, valid_BT: Tensor, chosen_B: Tensor) -> Tensor:
    """The chosen query should say in which frames the object is visible; the others, never."""
    chosen_BQ = F.one_hot(chosen_B, logits_BTQ.shape[-1]).bool()
    return focal(logits_BTQ, chosen_BQ[:, None] & valid_BT[..., None]).sum()
