"""Queries read the fused pyramid in a deformable decoder that refines a box from layer to layer (Section 4.2; spec 3.5, 3.6).

N frames of all clips, K decoder layers, Q queries, C channels, L levels.
"""

from typing import NamedTuple

import torch
from einops import repeat
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.model.deformable import DeformableAttention, Marked, Memory, marked
from vdit.model.feedforward import feedforward
from vdit.model.heads import box_heads, inverse_sigmoid
from vdit.model.precision import no_autocast, single


class Decoded(NamedTuple):
    """What each layer says of each query; boxes are cx cy w h in shares of the unpadded size."""

    states_KNQC: Tensor
    boxes_KNQ4: Tensor
    initial_NQ2: Tensor  # x y where the queries start


class DecoderLayer(nn.Module):
    """Self-attention among the queries of a frame, deformable attention to its pixels, a feed-forward network; a norm after each."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(config.width, config.heads, dropout=config.dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(config.width)
        self.cross_attention = DeformableAttention(config)
        self.cross_norm = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.feedforward)
        self.narrow = nn.Linear(config.feedforward, config.width)
        self.feedforward_norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states_NQC: Tensor, positions_NQC: Tensor, references_NQLX: Tensor, memory: Marked) -> Tensor:
        placed = states_NQC + positions_NQC
        attended, _ = self.self_attention(placed, placed, states_NQC, need_weights=False)
        states_NQC = self.self_norm(states_NQC + self.dropout(attended))
        read = self.cross_attention(states_NQC + positions_NQC, references_NQLX[:, :, None, :, None], memory)
        states_NQC = self.cross_norm(states_NQC + self.dropout(read))
        output_NQC: Tensor = self.feedforward_norm(
            states_NQC + self.dropout(feedforward(states_NQC, self.widen, self.narrow, self.dropout))
        )
        return output_NQC


class Decoder(nn.Module):
    """The box of a layer is the reference of the next; no gradient flows through a reference but the first."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.positions_QC = nn.Parameter(torch.randn(config.queries, config.width))
        self.start = nn.Linear(config.width, 2)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.boxes = box_heads(config.width, config.decoder_layers)

    def forward(self, queries_NQC: Tensor, memory: Memory) -> Decoded:
        positions_NQC = repeat(self.positions_QC, "q c -> n q c", n=queries_NQC.shape[0])
        reference = initial_NQ2 = single(self.start(positions_NQC)).sigmoid()
        states, boxes, read = [queries_NQC], [], marked(memory)
        for layer, head in zip(self.layers, self.boxes, strict=True):
            scale_NL = memory.ratios_NL2.repeat(1, 1, reference.shape[-1] // 2)
            states.append(layer(states[-1], positions_NQC, reference[:, :, None] * scale_NL[:, None], read))
            boxes.append(_refine(head, states[-1], reference))
            reference = boxes[-1].detach()
        return Decoded(torch.stack(states[1:]), torch.stack(boxes), initial_NQ2)


def _refine(head: nn.Module, states_NQC: Tensor, reference_NQX: Tensor) -> Tensor:
    """[N, Q, 4]: a point moves the centre only, a box all four numbers."""
    with no_autocast(states_NQC.device):
        delta_NQ4 = head(single(states_NQC))
        known = reference_NQX.shape[-1]
        moved = delta_NQ4[..., :known] + inverse_sigmoid(reference_NQX)
        box_NQ4: Tensor = torch.cat((moved, delta_NQ4[..., known:]), dim=-1).sigmoid()
    return box_NQ4
