"""The feed-forward network of the transformer's layers: two linear maps with a ReLU between (Section 4.2; spec 3.5).

N frames of all clips, S tokens, C channels in, O channels out.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def feedforward(tokens_NSC: Tensor, widen: nn.Linear, narrow: nn.Linear, dropout: nn.Dropout) -> Tensor:
    """[N, S, C]; dropout applies to the wide activations."""
    if tokens_NSC.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        output_NSC: Tensor = narrow(dropout(widen(tokens_NSC).relu()))
        return output_NSC
    share = dropout.p if dropout.training else 0.0
    maps_NO1S = _FeedForward.apply(tokens_NSC.transpose(1, 2).unsqueeze(2), share, widen.weight, widen.bias, narrow.weight, narrow.bias)
    return torch.as_tensor(maps_NO1S).squeeze(2).transpose(1, 2)


class _FeedForward(torch.autograd.Function):
    """The same on a CPU in single precision: of [N, C, 1, S] the [N, O, 1, S], with nothing kept or read that could be done in place.

    Products over channels are 1x1 convolutions: oneDNN adds the bias while it multiplies, and uses AVX-512 on every processor that has it,
    which the BLAS behind a linear layer does not. Of the sums over tokens, the weights' gradients, the BLAS takes a fifth off.
    """

    @staticmethod
    def forward(ctx: Any, maps_NC1S: Tensor, share: float, *weights: Tensor) -> Tensor:
        widen_WC, bias_W, narrow_OW, bias_O = weights
        wide_NW1S = F.dropout(F.conv2d(maps_NC1S, _kernel(widen_WC), bias_W).relu_(), share, training=share > 0, inplace=True)
        ctx.save_for_backward(maps_NC1S, widen_WC, narrow_OW, wide_NW1S)
        ctx.share = share
        return F.conv2d(wide_NW1S, _kernel(narrow_OW), bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NO1S: Tensor) -> tuple[Tensor | None, ...]:
        maps_NC1S, widen_WC, narrow_OW, wide_NW1S = ctx.saved_tensors
        grad_NW1S = F.conv2d(grad_NO1S, _kernel(narrow_OW.t()))
        # Zero where the ReLU or dropout left nothing.
        torch.ops.aten.threshold_backward.grad_input(grad_NW1S, wide_NW1S, 0, grad_input=grad_NW1S)
        if 0 < ctx.share < 1:
            grad_NW1S.div_(1 - ctx.share)
        maps_TC, wide_TW, grad_TW, grad_TO = (_by_token(x) for x in (maps_NC1S, wide_NW1S, grad_NW1S, grad_NO1S))
        grad_NC1S = F.conv2d(grad_NW1S, _kernel(widen_WC.t()))
        return grad_NC1S, None, grad_TW.t() @ maps_TC, grad_TW.sum(dim=0), grad_TO.t() @ wide_TW, grad_TO.sum(dim=0)


def _kernel(weight_OC: Tensor) -> Tensor:
    return weight_OC[:, :, None, None]


def _by_token(maps_NC1S: Tensor) -> Tensor:
    """[N x S, C]; a view of maps whose channels lie side by side."""
    return maps_NC1S.squeeze(2).transpose(1, 2).flatten(0, 1)
