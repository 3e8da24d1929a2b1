"""The loss terms by hand, with a frame that does not show the object."""

import math
from dataclasses import replace

import pytest
import torch

from vdit.config.train import LossWeights
from vdit.model.batch import LayerOutput, Targets
from vdit.model.losses import dice, focal, losses, low_masks, of_chosen, term_names, total, visible_frames


def targets() -> Targets:
    """One clip of two 4x4 frames; the second does not show the object."""
    masks = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    masks[0, 0, :2, :2] = True
    boxes = torch.tensor([[[0.25, 0.25, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]]])
    return Targets(masks, boxes, torch.tensor([[True, False]]))


def output(chosen: int = 1) -> LayerOutput:
    """Logits of zero, so that every share is one half; the chosen query's boxes are the whole frame."""
    boxes = torch.zeros(1, 2, 2, 4)
    boxes[:, :, chosen] = torch.tensor([0.5, 0.5, 1.0, 1.0])
    logits, low, masks = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2, 2, 2), torch.zeros(1, 2, 4, 4)
    low[:, :, 1 - chosen] = 50.0  # of no effect: not the matched query
    return LayerOutput(logits, boxes, low, torch.tensor([chosen]), masks)


def test_every_term_is_the_one_by_hand() -> None:
    terms = losses((output(),), targets(), LossWeights(), boxes=1.0)
    object_, background = 0.25 * 0.25 * math.log(2), 0.75 * 0.25 * math.log(2)
    assert terms["loss_ce"].item() == pytest.approx(object_ + 3 * background)  # only the chosen query in the first frame is visible
    assert terms["loss_bbox"].item() == pytest.approx(4 * 0.0 + 0.25 + 0.25 + 0.5 + 0.5 + 3.0)  # first frame, then against zeros
    assert terms["loss_giou"].item() == pytest.approx((1 - 0.25) + 1, abs=1e-5)
    assert terms["loss_mask"].item() == pytest.approx((4 * object_ + 28 * background) / 32)
    assert terms["loss_dice"].item() == pytest.approx(1 - (2 * 2 + 1) / (16 + 4 + 1))
    assert terms["loss_mask_low"].item() == pytest.approx((1 * object_ + 7 * background) / 8)
    assert terms["loss_dice_low"].item() == pytest.approx(1 - (2 * 0.5 + 1) / (4 + 1 + 1))


def test_names_are_the_released_ones_and_the_last_layer_has_no_suffix() -> None:
    terms = losses((output(), output(), output()), targets(), LossWeights(), boxes=1.0)
    assert len(terms) == 21
    assert {"loss_dice_low", "loss_dice_low_0", "loss_dice_low_1"} <= terms.keys()


def test_the_divisor_divides_every_term_and_the_total_weighs_every_layer_alike() -> None:
    weights = LossWeights(ce=1.0, bbox=0.5, giou=2.0, mask=3.0, dice=4.0, mask_low=5.0, dice_low=6.0)
    whole = losses((output(), output()), targets(), weights, boxes=1.0)
    halved = losses((output(), output()), targets(), weights, boxes=torch.tensor(2.0))
    assert all(halved[name].item() == pytest.approx(whole[name].item() / 2) for name in whole)
    by_hand = 2 * sum(
        getattr(weights, name) * whole[f"loss_{name}"].item() for name in ("ce", "bbox", "giou", "mask", "dice", "mask_low", "dice_low")
    )
    assert total(whole, weights).item() == pytest.approx(by_hand)


def test_a_term_without_weight_is_left_out() -> None:
    terms = losses((output(),), targets(), replace(LossWeights(), giou=0.0, mask=0.0), boxes=1.0)
    assert terms.keys() == {"loss_ce", "loss_bbox", "loss_dice", "loss_mask_low", "loss_dice_low"}


def test_focal_is_the_published_formula_and_does_not_overflow() -> None:
    for logit in (-3.0, 0.4, 2.0):
        p = 1 / (1 + math.exp(-logit))
        assert focal(torch.tensor(logit), torch.tensor(True)).item() == pytest.approx(-0.25 * (1 - p) ** 2 * math.log(p), rel=1e-4)
        assert focal(torch.tensor(logit), torch.tensor(False)).item() == pytest.approx(-0.75 * p**2 * math.log(1 - p), rel=1e-4)
    assert focal(torch.tensor([300.0, -300.0]), torch.tensor([False, True])).tolist() == pytest.approx([225.0, 75.0])


def test_dice_of_a_perfect_mask_is_zero_and_of_an_empty_clip_too() -> None:
    truth = torch.tensor([[True, False]])
    assert dice(torch.tensor([[50.0, -50.0]]), truth, (1,)).item() == pytest.approx(0.0)
    assert dice(torch.tensor([[-50.0, -50.0]]), torch.zeros(1, 2), (1,)).item() == pytest.approx(0.0)


def test_low_masks_are_the_odd_pixels() -> None:
    masks = torch.arange(16).reshape(1, 1, 4, 4)
    assert low_masks(masks).flatten().tolist() == [5, 7, 13, 15]


def test_values_of_the_chosen_query_are_taken_clip_by_clip() -> None:
    values = torch.arange(12).reshape(2, 2, 3)  # clip, frame, query
    assert of_chosen(values, torch.tensor([2, 0])).tolist() == [[2, 5], [6, 9]]


def test_frames_that_show_the_object_are_counted() -> None:
    assert visible_frames(targets()).item() == 1.0


def test_boxes_of_frames_without_the_object_count_only_where_they_should() -> None:
    released, masked = targets(), replace(targets(), invalid_boxes="masked")
    assert not bool(released.valid_BT.all()), "one frame must be without the object"
    terms = {kind.invalid_boxes: losses((output(),), kind, LossWeights(), boxes=1.0) for kind in (released, masked)}
    valid_BT = released.valid_BT
    chosen = output().boxes_BTQ4[torch.arange(len(valid_BT)), :, output().chosen_B]
    distance = (chosen - released.boxes_BT4).abs().sum(dim=-1)
    torch.testing.assert_close(terms["released"]["loss_bbox"], distance.sum())
    torch.testing.assert_close(terms["masked"]["loss_bbox"], distance[valid_BT].sum())
    assert terms["masked"]["loss_giou"] < terms["released"]["loss_giou"]
    assert terms["masked"]["loss_ce"] == terms["released"]["loss_ce"]


def test_names_of_the_terms_in_their_order() -> None:
    weights = replace(LossWeights(), giou=0.0)
    assert tuple(losses((output(), output(), output()), targets(), weights, boxes=1.0)) == term_names(3, weights)
