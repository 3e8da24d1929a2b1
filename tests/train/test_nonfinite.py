"""Oracle: a network with NaN planted in a known module."""

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
