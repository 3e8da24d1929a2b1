"""Attention in short sequences against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vdit.model.attention_cpu import PAIRS, attend_briefly


def reference(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    each = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(*each).transpose(1, 2).flatten(2)


def drawn(count: int, tokens: int, channels: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    return tuple(torch.randn(count, tokens, channels, dtype=dtype, requires_grad=True) for _ in range(3))


@pytest.mark.parametrize(("count", "tokens", "heads", "channels"), [(7, 1, 2, 8), (3, 2, 1, 16), (2 * PAIRS, 5, 4, 64), (5, 8, 3, 15)])
def test_values_and_gradients_are_those_of_torch(count: int, tokens: int, heads: int, channels: int) -> None:
    inputs, gradient = drawn(count, tokens, channels), torch.randn(count, tokens, channels)
    given, expected = attend_briefly(*inputs, heads=heads), reference(*inputs, heads=heads)
    torch.testing.assert_close(given, expected)
    pairs = zip(torch.autograd.grad(given, inputs, gradient), torch.autograd.grad(expected, inputs, gradient), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted)


def test_gradients_in_double_precision_are_those_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(lambda *inputs: attend_briefly(*inputs, heads=2), drawn(2, 3, 4, torch.float64))


def test_a_gradient_may_come_as_a_view() -> None:
    inputs, gradient = drawn(3, 2, 4), torch.randn(2, 3, 4).transpose(0, 1)
    found = torch.autograd.grad(attend_briefly(*inputs, heads=2), inputs, gradient)
    wanted = torch.autograd.grad(reference(*inputs, heads=2), inputs, gradient)
    for pair in zip(found, wanted, strict=True):
        torch.testing.assert_close(*pair)


def test_scores_far_apart_do_not_overflow() -> None:
    query, key, value = (1000 * x.detach() for x in drawn(3, 4, 8))
    torch.testing.assert_close(attend_briefly(query, key, value, heads=2), reference(query, key, value, heads=2))


def test_what_is_not_finite_stays_so() -> None:
    query, key, value = (x.detach() for x in drawn(1, 3, 4))
    query[0, 1, 0] = torch.nan
    given = attend_briefly(query, key, value, heads=1)
    assert given[0, 1].isnan().all()
    assert given[0, [0, 2]].isfinite().all()
