"""The feed-forward network of the transformer's layers: two linear maps with a ReLU between (Section 4.2; spec 3.5).

N frames of all clips, S tokens, C channels in, O channels out.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d


def feedforward(tokens_NSC: Tensor, widen: nn.Linear, narrow: nn.Linear, dropout: nn.Module) -> Tensor:
    """[N, S, C]; dropout applies to the wide activations.

    On a CPU in single precision as 1x1 convolutions. The ReLU works in place on what is no view, where autograd would copy.
    """
    if tokens_NSC.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        output_NSC: Tensor = narrow(dropout(widen(tokens_NSC).relu()))
        return output_NSC
    maps_NC1S = tokens_NSC.transpose(1, 2).unsqueeze(2)
    wide = dropout(_Pointwise.apply(maps_NC1S, widen.weight, widen.bias).relu_())
    narrowed_NC1S: Tensor = _Pointwise.apply(wide, narrow.weight, narrow.bias)
    return narrowed_NC1S.squeeze(2).transpose(1, 2)


class _Pointwise(torch.autograd.Function):
    """A linear map of channels: [N, C, 1, S] and a weight [O, C] to [N, O, 1, S].

    Each of the three products by what does it fastest. oneDNN adds the bias while it multiplies, and uses AVX-512 on every processor that
    has it, which the BLAS behind a linear layer does not; but of the sum over tokens, the weight's gradient, the BLAS takes a fifth off.
    """

    @staticmethod
    def forward(ctx: Any, maps_NC1S: Tensor, weight_OC: Tensor, bias_O: Tensor) -> Tensor:
        ctx.save_for_backward(maps_NC1S, weight_OC)
        return conv2d(maps_NC1S, weight_OC[:, :, None, None], bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NO1S: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps_NC1S, weight_OC = ctx.saved_tensors
        grad_TO, maps_TC = _by_token(grad_NO1S), _by_token(maps_NC1S)
        return conv2d(grad_NO1S, weight_OC.t()[:, :, None, None]), grad_TO.t() @ maps_TC, grad_TO.sum(dim=0)


def _by_token(maps_NC1S: Tensor) -> Tensor:
    """[N x S, C]; a view of maps whose channels lie side by side."""
    return maps_NC1S.squeeze(2).transpose(1, 2).flatten(0, 1)
