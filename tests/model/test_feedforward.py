"""The feed-forward network against two linear layers and a ReLU."""

import pytest
import torch
from torch import Tensor, nn

from vdit.model.feedforward import feedforward


def reference(tokens: Tensor, widen: nn.Linear, narrow: nn.Linear) -> Tensor:
    output: Tensor = narrow(widen(tokens).relu())
    return output


@pytest.mark.parametrize("shape", [(1, 37, 16), (3, 5, 16), (2, 1, 16)])
def test_values_and_gradients_are_those_of_two_linear_layers(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    widen, narrow = nn.Linear(16, 48), nn.Linear(48, 16)
    tokens, gradient = torch.randn(shape, requires_grad=True), torch.randn(shape)
    inputs = (tokens, *widen.parameters(), *narrow.parameters())
    expected = reference(tokens, widen, narrow)
    given = feedforward(tokens, widen, narrow, nn.Identity())
    torch.testing.assert_close(given, expected)
    pairs = zip(torch.autograd.grad(given, inputs, gradient), torch.autograd.grad(expected, inputs, gradient), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_wide_activations_are_dropped_out() -> None:
    widen, narrow = nn.Linear(4, 8), nn.Linear(8, 4)
    output = feedforward(torch.randn(1, 3, 4), widen, narrow, nn.Dropout(1.0))
    assert torch.equal(output, narrow.bias.expand(1, 3, 4))


def test_gradients_in_double_precision_are_those_of_finite_differences() -> None:
    torch.manual_seed(1)
    widen, narrow = nn.Linear(4, 6).double(), nn.Linear(6, 4).double()
    tokens = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: feedforward(given, widen, narrow, nn.Identity()), (tokens,))


class _Half(nn.Module):
    def forward(self, wide: Tensor) -> Tensor:
        return 0.5 * wide


def test_gradients_pass_through_what_stands_for_dropout() -> None:
    widen, narrow = nn.Linear(16, 48), nn.Linear(48, 16)
    tokens = torch.randn(2, 5, 16, requires_grad=True)
    inputs = (tokens, *widen.parameters())
    given = torch.autograd.grad((feedforward(tokens, widen, narrow, _Half()) - narrow.bias).sum(), inputs)
    whole = torch.autograd.grad((reference(tokens, widen, narrow) - narrow.bias).sum(), inputs)
    for found, wanted in zip(given, whole, strict=True):
        torch.testing.assert_close(found, 0.5 * wanted)


def test_under_autocast_the_products_are_in_bfloat16() -> None:
    widen, narrow = nn.Linear(16, 48), nn.Linear(48, 16)
    tokens = torch.randn(2, 5, 16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = feedforward(tokens, widen, narrow, nn.Identity())
    assert output.dtype == torch.bfloat16
    output.float().sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.dtype == torch.float32
