"""The feed-forward network of the transformer's layers: two linear maps with a ReLU between (Section 4.2; spec 3.5).

N frames of all clips, S tokens, C channels.
"""

from torch import Tensor, nn
from torch.nn.functional import conv2d


def feedforward(tokens_NSC: Tensor, widen: nn.Linear, narrow: nn.Linear, dropout: nn.Module) -> Tensor:
    """[N, S, C]; dropout applies to the wide activations.

    On a CPU as 1x1 convolutions: oneDNN adds the bias while it multiplies and uses AVX-512 on every processor that has it, which the BLAS
    behind a linear layer does not. The ReLU works in place on what is no view, where autograd would copy.
    """
    if tokens_NSC.device.type != "cpu":
        output_NSC: Tensor = narrow(dropout(widen(tokens_NSC).relu()))
        return output_NSC
    maps_NC1S = tokens_NSC.transpose(1, 2)[:, :, None]
    wide = dropout(_pointwise(maps_NC1S, widen).relu_())
    return _pointwise(wide, narrow)[:, :, 0].transpose(1, 2)


def _pointwise(maps_NCHW: Tensor, linear: nn.Linear) -> Tensor:
    return conv2d(maps_NCHW, linear.weight[:, :, None, None], linear.bias)
