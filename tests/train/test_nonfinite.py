"""Oracle: a network with NaN planted in a known module."""

import pytest
import torch
from torch import nn

from vdit.train.nonfinite import first_nonfinite


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4)), nn.LayerNorm(4))


def test_the_innermost_module_that_went_wrong_first_is_named() -> None:
    model = network()
    with torch.no_grad():
        model[1][1].bias[2] = torch.nan
    assert first_nonfinite([("frozen", network()), ("head", model)], lambda: model(torch.randn(2, 3))) == "head.1.1"


class Read(nn.Module):
    """Two layers whose weights are read and which are never called, before one that is."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x @ self.first.weight @ self.second.weight
        return torch.as_tensor(self.last(x))


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_layer_that_is_read_and_not_called_is_named_by_its_weights(name: str) -> None:
    far, model = nn.Linear(1, 1), nn.Sequential(nn.Linear(3, 4), Read())
    with torch.no_grad():
        far.bias.fill_(torch.inf)
        model[1].get_submodule(name).weight[1, 2] = torch.nan
    networks = [("far", far), ("near", model)]
    assert first_nonfinite(networks, lambda: model(torch.randn(2, 3))) == f"near.1.{name}"


def test_where_all_weights_are_finite_the_name_says_what_is_known() -> None:
    model = Read()
    with torch.no_grad():
        model.first.weight.fill_(1e30)
        model.second.weight.fill_(1e30)
    assert first_nonfinite([("", model)], lambda: model(torch.ones(2, 4))) == "last (already in its input)"


def test_nothing_is_named_where_all_is_finite_and_no_hook_is_left() -> None:
    model = network()
    assert first_nonfinite([("", model)], lambda: model(torch.randn(2, 3))) is None
    assert not any(module._forward_hooks for module in model.modules())


def test_tensors_inside_tuples_and_mappings_are_looked_at() -> None:
    class Nested(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, object]:
            return {"mask": x > 0, "parts": (x, [x / 0])}

    model = Nested()
    assert first_nonfinite([("outer", model)], lambda: model(torch.ones(2))) == "outer"
