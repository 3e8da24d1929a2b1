"""The query of a clip against costs written out frame by frame, with a frame and a clip that do not show the object."""

import math
from dataclasses import replace
from typing import Literal

import pytest
import torch

from vdit.config.train import MatchWeights
from vdit.model.batch import Targets
from vdit.model.boxes import generalised_iou
from vdit.model.matching import costs, match

K, B, T, Q, H, W = 2, 3, 2, 4, 3, 5
WEIGHTS = MatchWeights(ce=2.0, bbox=5.0, giou=3.0, mask=1.5, dice=4.0)


def targets() -> Targets:
    """Clip 0 shows the object in its first frame only, clip 1 never, clip 2 always."""
    masks = torch.zeros(B, T, 2 * H, 2 * W, dtype=torch.bool)
    masks[0, 0, :4, :6], masks[2, :, 2:, 2:8] = True, True
    boxes = torch.zeros(B, T, 4)
    boxes[0, 0], boxes[2] = torch.tensor([0.3, 0.3, 0.6, 0.6]), torch.tensor([0.5, 0.6, 0.6, 0.6])
    return Targets(masks, boxes, torch.tensor([[True, False], [False, False], [True, True]]))


def outputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(K, B, T, Q, generator=generator)
    return logits, torch.rand(K, B, T, Q, 4, generator=generator), torch.randn(K, B, T, Q, H, W, generator=generator) * 2


def focal(logit: float, truth: bool) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -0.25 * (1 - p) ** 2 * math.log(p) if truth else -0.75 * p**2 * math.log(1 - p)


def brute(k: int, b: int, q: int, masked: bool) -> float:
    logits, boxes, low = outputs()
    truth = targets()
    seen = [t for t in range(T) if truth.valid_BT[b, t]]
    visible = sum(focal(float(logits[k, b, t, q]), True) - focal(float(logits[k, b, t, q]), False) for t in seen) / max(1, len(seen))
    counted = seen if masked else list(range(T))
    distance = sum(float((boxes[k, b, t, q] - truth.boxes_BT4[b, t]).abs().sum()) for t in counted) / max(1, len(counted))
    overlap = sum(float(generalised_iou(boxes[k, b, t, q], truth.boxes_BT4[b, t])) for t in counted) / max(1, len(counted))
    pixels = [(t, y, x) for t in range(T) for y in range(H) for x in range(W)]
    pairs = [(float(low[k, b, t, q, y, x]), bool(truth.masks_BTHW[b, t, 2 * y + 1, 2 * x + 1])) for t, y, x in pixels]
    shares = [(1 / (1 + math.exp(-logit)), is_object) for logit, is_object in pairs]
    dice = 1 - (2 * sum(p for p, g in shares if g) + 1) / (sum(p + g for p, g in shares) + 1)
    mask = sum(focal(*pair) for pair in pairs) / len(pairs)
    return WEIGHTS.ce * visible + WEIGHTS.bbox * distance - WEIGHTS.giou * overlap + WEIGHTS.mask * mask + WEIGHTS.dice * dice


@pytest.mark.parametrize("invalid_boxes", ["released", "masked"])
def test_costs_and_choice_are_those_written_out(invalid_boxes: Literal["released", "masked"]) -> None:
    truth = replace(targets(), invalid_boxes=invalid_boxes)
    expected = torch.tensor([[[brute(k, b, q, invalid_boxes == "masked") for q in range(Q)] for b in range(B)] for k in range(K)])
    torch.testing.assert_close(costs(*outputs(), truth, WEIGHTS), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(match(*outputs(), truth, WEIGHTS), expected.argmin(dim=-1))


@pytest.mark.parametrize("planted", [0, 3])
def test_a_query_that_is_right_is_chosen_in_every_layer_and_clip(planted: int) -> None:
    logits, boxes, low = outputs()
    truth = targets()
    logits[:, :, :, planted] = 6.0
    boxes[:, :, :, planted] = truth.boxes_BT4
    low[:, :, :, planted] = truth.masks_BTHW[:, :, 1::2, 1::2] * 20.0 - 10.0
    assert match(logits, boxes, low, truth, MatchWeights()).unique().tolist() == [planted]


def test_the_choice_has_no_gradient_and_takes_the_first_of_equals() -> None:
    logits, boxes, low = (value[..., :1, :].expand_as(value) if value.dim() == 5 else value for value in outputs())
    equal = torch.zeros_like(logits).requires_grad_()
    chosen = match(equal, boxes, torch.zeros_like(low), targets(), MatchWeights())
    assert not chosen.requires_grad
    assert not chosen.any()
