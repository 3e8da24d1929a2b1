"""The transformer blocks of the frozen U-Net (Section 3): what diffusers computes in them, with fewer passes over memory.

N sequences, S tokens, C channels of all heads, M heads, D channels of a head. Over time a sequence is a cell in all frames.
"""

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.activations import GEGLU
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from vdit.model.attention_cpu import PAIRS, attend_briefly

# Frames of a clip up to which a CPU takes its loop for short sequences: it is unrolled over all pairs of them, at 16 slower than torch's.
# Where there are fewer than PAIRS, it is not worth the seconds that it takes to compile.
BRIEF = 8


def spare(unet: nn.Module) -> None:
    """Changes how a diffusers U-Net computes, not what; attentions that do anything beside attending stay as they are."""
    for name, module in list(unet.named_modules()):
        if isinstance(module, Attention) and _plain(module):
            module.set_processor(Attend(over_time="temp_attentions" in name or name.startswith("transformer_in")))
        for child, part in module.named_children():
            if type(part) is GEGLU:
                setattr(module, child, Gated(part.proj).train(part.training))


def _plain(attention: Any) -> bool:
    extras = ("spatial_norm", "group_norm", "norm_q", "norm_k", "norm_cross", "added_kv_proj_dim", "residual_connection")
    stock = type(attention.processor) is AttnProcessor2_0 and attention.rescale_output_factor == 1
    return stock and not any(getattr(attention, extra) for extra in extras)


class Attend:
    """`AttnProcessor2_0`, without its division of the output by one, and on a CPU with a loop for short sequences."""

    def __init__(self, over_time: bool) -> None:
        self.over_time = over_time

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, attention_mask: Tensor | None = None
    ) -> Tensor:
        if attention_mask is not None:
            raise ValueError(
                f"attention_mask is {tuple(attention_mask.shape)}; every token of a prompt and of a frame is looked at, give None"
            )
        read_NSC = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query_NSC, key_NSC, value_NSC = attn.to_q(hidden_states), attn.to_k(read_NSC), attn.to_v(read_NSC)
        projection, dropout = attn.to_out
        return torch.as_tensor(dropout(projection(self._attended(query_NSC, key_NSC, value_NSC, attn.heads))))

    def _attended(self, query_NSC: Tensor, key_NSC: Tensor, value_NSC: Tensor, heads: int) -> Tensor:
        count, tokens, _ = query_NSC.shape
        single = query_NSC.device.type == "cpu" and query_NSC.dtype == torch.float32
        if self.over_time and single and key_NSC.shape == query_NSC.shape and tokens <= BRIEF and count * heads >= PAIRS:
            return attend_briefly(query_NSC, key_NSC, value_NSC, heads)
        query, key, value = (rearrange(x, "n s (m d) -> n m s d", m=heads) for x in (query_NSC, key_NSC, value_NSC))
        return rearrange(F.scaled_dot_product_attention(query, key, value), "n m s d -> n s (m d)")


class Gated(nn.Module):
    """`GEGLU` with its own gradient: both halves in one piece, where autograd would put two together."""

    def __init__(self, proj: nn.Linear) -> None:
        super().__init__()
        self.proj = proj

    def forward(self, tokens_NSC: Tensor) -> Tensor:
        gated: Tensor = _Gate.apply(self.proj(tokens_NSC))
        return gated


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        values, gates = both.chunk(2, dim=-1)
        opened = F.gelu(gates)
        ctx.save_for_backward(both, opened)
        return values * opened

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        both, opened = ctx.saved_tensors
        values, gates = both.chunk(2, dim=-1)
        grad_both = torch.empty_like(both)
        grad_values, grad_gates = grad_both.chunk(2, dim=-1)
        torch.mul(grad, opened, out=grad_values)
        torch.mul(grad, values, out=grad_gates)
        torch.ops.aten.gelu_backward.grad_input(grad_gates, gates, grad_input=grad_gates)
        return grad_both
