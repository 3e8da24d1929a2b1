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
    given = feedforward(tokens, widen, narrow, nn.Dropout(0.0))
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
    assert torch.autograd.gradcheck(lambda given: feedforward(given, widen, narrow, nn.Dropout(0.0)), (tokens,))


def test_gradients_are_those_of_what_dropout_left() -> None:
    torch.manual_seed(0)
    widen, narrow = nn.Linear(16, 48), nn.Linear(48, 48)
    with torch.no_grad():  # so that the output is the wide activations
        narrow.weight.copy_(torch.eye(48))
        narrow.bias.zero_()
    tokens = torch.randn(2, 5, 16, requires_grad=True)
    inputs, gradient = (tokens, *widen.parameters()), torch.randn(2, 5, 48)
    given, whole = feedforward(tokens, widen, narrow, nn.Dropout(0.25)), widen(tokens).relu()
    kept = torch.where(whole > 0, given / whole, 0.0).detach()
    assert 0 < (kept[whole > 0] == 0).float().mean() < 0.5
    torch.testing.assert_close(kept[kept > 0], torch.full_like(kept[kept > 0], 1 / 0.75))
    pairs = zip(torch.autograd.grad(given, inputs, gradient), torch.autograd.grad(whole * kept, inputs, gradient), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_nothing_is_dropped_out_in_evaluation() -> None:
    widen, narrow, tokens = nn.Linear(16, 48), nn.Linear(48, 16), torch.randn(2, 5, 16)
    torch.testing.assert_close(feedforward(tokens, widen, narrow, nn.Dropout(0.5).eval()), reference(tokens, widen, narrow))


def test_under_autocast_the_products_are_in_bfloat16() -> None:
    widen, narrow = nn.Linear(16, 48), nn.Linear(48, 16)
    tokens = torch.randn(2, 5, 16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = feedforward(tokens, widen, narrow, nn.Dropout(0.0))
    assert output.dtype == torch.bfloat16
    output.float().sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.dtype == torch.float32
