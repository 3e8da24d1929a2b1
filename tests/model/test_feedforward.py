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
