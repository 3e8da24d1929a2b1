"""The attention of the frozen U-Net's blocks: within a frame, to the prompt, over time (Section 3).

N sequences, S tokens, C channels of all heads, M heads, D channels of a head. Over time a sequence is a cell in all frames.
"""

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from vdit.model.attention_cpu import PAIRS, attend_briefly

# Frames of a clip up to which a CPU takes its loop for short sequences: it is unrolled over all pairs of them.
BRIEF = 8


def attend_plainly(unet: nn.Module) -> None:
    """Makes the attentions of a diffusers U-Net spare what they need not do; those with norms or scales of their own stay as they are."""
    for name, module in unet.named_modules():
        if hasattr(module, "set_processor") and _plain(module):
            module.set_processor(Attend(over_time="temp_attentions" in name or name.startswith("transformer_in")))


def _plain(attention: Any) -> bool:
    extras = ("spatial_norm", "group_norm", "norm_q", "norm_k", "norm_cross", "residual_connection")
    return attention.rescale_output_factor == 1 and not any(getattr(attention, extra) for extra in extras)


class Attend:
    """What diffusers' `AttnProcessor2_0` does, without dividing the output by one, and on a CPU with a loop for short sequences."""

    def __init__(self, over_time: bool) -> None:
        self.over_time = over_time

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **_: object) -> Tensor:
        read_NSC = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query_NSC, key_NSC, value_NSC = attn.to_q(hidden_states), attn.to_k(read_NSC), attn.to_v(read_NSC)
        projection, dropout = attn.to_out
        return torch.as_tensor(dropout(projection(self._attended(query_NSC, key_NSC, value_NSC, attn.heads))))

    def _attended(self, query_NSC: Tensor, key_NSC: Tensor, value_NSC: Tensor, heads: int) -> Tensor:
        count, tokens, _ = query_NSC.shape
        single = query_NSC.device.type == "cpu" and query_NSC.dtype == torch.float32
        if self.over_time and single and tokens <= BRIEF and count * heads >= PAIRS:
            return attend_briefly(query_NSC, key_NSC, value_NSC, heads)
        query, key, value = (rearrange(x, "n s (m d) -> n m s d", m=heads) for x in (query_NSC, key_NSC, value_NSC))
        return rearrange(F.scaled_dot_product_attention(query, key, value), "n m s d -> n s (m d)")
