"""Class, box and controller heads of a decoder layer, with the released initial values (spec 3.6, 3.7)."""

import copy
import math

import torch
from torch import Tensor, nn

from vdit.model.precision import single

_PRIOR = 0.01  # the probability a query starts with
_EPS = 1e-5


def inverse_sigmoid(share: Tensor) -> Tensor:
    """The logit of a share in [0, 1], with both the share and its complement kept above 1e-5."""
    share = single(share).clamp(0.0, 1.0)
    return torch.log(share.clamp(min=_EPS) / (1 - share).clamp(min=_EPS))


class MLP(nn.Module):
    """Three linear layers with ReLU between."""

    def __init__(self, width: int, output: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList((nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, output)))

    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.layers
        y: Tensor = last(second(first(x).relu()).relu())
        return y


def class_heads(width: int, layers: int) -> nn.ModuleList:
    """One visibility logit a query; the layers' heads start equal, at a probability of 0.01."""
    head = nn.Linear(width, 1)
    nn.init.constant_(head.bias, -math.log((1 - _PRIOR) / _PRIOR))
    return nn.ModuleList(copy.deepcopy(head) for _ in range(layers))


def box_heads(width: int, layers: int) -> nn.ModuleList:
    """A box relative to its reference; the layers' heads start equal and at zero, the first with small boxes (w h at sigmoid(-2))."""
    head = MLP(width, 4)
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    heads = nn.ModuleList(copy.deepcopy(head) for _ in range(layers))
    nn.init.constant_(heads[0].get_parameter("layers.2.bias")[2:], -2.0)
    return heads


def controller(width: int, mask_channels: int) -> MLP:
    """The parameters of a query's two 1x1 convolutions; xavier weights, zero biases."""
    head = MLP(width, mask_channels * (width + 2) + mask_channels**2 + 2 * mask_channels)
    for layer in head.layers:
        assert isinstance(layer, nn.Linear)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return head
