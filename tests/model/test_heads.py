"""Initial values of the heads as released (spec 3.6, 3.7)."""

import math

import pytest
import torch

from vdit.model.heads import box_heads, class_heads, controller, inverse_sigmoid


def test_class_heads_start_equal_at_a_probability_of_one_percent_and_are_separate() -> None:
    first, second = class_heads(8, 2)
    assert torch.equal(first.weight, second.weight)
    assert first.weight is not second.weight
    assert torch.sigmoid(first.bias).item() == pytest.approx(0.01)
    assert first.bias.item() == pytest.approx(-math.log(99))


def test_box_heads_start_equal_and_at_no_change_but_the_first_with_small_boxes() -> None:
    first, second, third = box_heads(8, 3)
    x = torch.randn(4, 8)
    assert first(x).tolist() == [[0, 0, -2, -2]] * 4
    assert second(x).tolist() == third(x).tolist() == [[0, 0, 0, 0]] * 4
    assert torch.equal(first.layers[0].weight, third.layers[0].weight)


def test_the_released_controller_makes_4416_numbers_from_zero_biases() -> None:
    head = controller(256, 16)
    assert head(torch.zeros(1, 256)).tolist() == [[0.0] * 4416]


def test_the_logit_of_a_share_is_bounded_and_the_reverse_of_the_sigmoid() -> None:
    assert torch.sigmoid(inverse_sigmoid(torch.tensor(0.3))).item() == pytest.approx(0.3)
    ends = inverse_sigmoid(torch.tensor([0.0, 1.0]))
    assert ends.tolist() == pytest.approx([math.log(1e-5), -math.log(1e-5)], rel=1e-4)
