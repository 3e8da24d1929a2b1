"""The pyramid F_v brought to one width and fused over scales by a deformable encoder (Section 4.2; spec 3.4, 3.5).

N frames of all clips, S tokens of all levels, L levels, C channels, H W size of a level.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.model.deformable import LEVELS, DeformableAttention, Memory
from vdit.model.deformable_cpu import Sizes
from vdit.model.feedforward import feedforward
from vdit.model.portions import at_once
from vdit.model.positions import pixel_positions

GROUPS = 32


def nearest(padding_NHW: Tensor, size: tuple[int, int]) -> Tensor:
    """A padding mask at another size."""
    return F.interpolate(padding_NHW[:, None].float(), size=size, mode="nearest")[:, 0].bool()


def valid_ratios(padding_NHW: Tensor) -> Tensor:
    """[N, 2]: the shares of width and height that are not padding (which is at the right and the bottom)."""
    height, width = padding_NHW.shape[1:]
    return torch.stack(((~padding_NHW[:, 0]).sum(dim=1) / width, (~padding_NHW[:, :, 0]).sum(dim=1) / height), dim=-1)


class Neck(nn.Module):
    """8x, 16x and 32x maps at the width of the head, and a 64x map made from the 32x one."""

    def __init__(self, width: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        if width % GROUPS:
            raise ValueError(f"head.width {width} is not divisible by the {GROUPS} groups of the neck's normalisation")
        convolutions = [nn.Conv2d(c, width, kernel_size=1) for c in channels]
        convolutions.append(nn.Conv2d(channels[-1], width, kernel_size=3, stride=2, padding=1))
        for convolution in convolutions:
            nn.init.xavier_uniform_(convolution.weight)
            nn.init.zeros_(convolution.get_parameter("bias"))
        self.levels = nn.ModuleList(nn.Sequential(convolution, nn.GroupNorm(GROUPS, width)) for convolution in convolutions)

    def forward(self, maps_NCHW: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        return [level(map_NCHW) for level, map_NCHW in zip(self.levels, (*maps_NCHW, maps_NCHW[-1]), strict=True)]


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward network, each followed by a norm."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.attention = DeformableAttention(config)
        self.attention_norm = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.feedforward)
        self.narrow = nn.Linear(config.feedforward, config.width)
        self.feedforward_norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, memory: Memory, positions_NSC: Tensor, references_NSMLP2: Tensor) -> Tensor:
        tokens_NSC = memory.tokens_NSC
        read_NSC = self.attention(tokens_NSC + positions_NSC, references_NSMLP2, memory)
        tokens_NSC = self.attention_norm(tokens_NSC + self.dropout(read_NSC))
        output_NSC: Tensor = self.feedforward_norm(
            tokens_NSC + self.dropout(feedforward(tokens_NSC, self.widen, self.narrow, self.dropout))
        )
        return output_NSC


class Encoder(nn.Module):
    """Every pixel of every level attends to a few pixels near it on all levels; frames do not see each other."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.heads, self.points, self.widest = config.heads, config.points, max(config.width, config.feedforward)
        self.level_LC = nn.Parameter(torch.randn(LEVELS, config.width))
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))

    def forward(self, maps_NCHW: Sequence[Tensor], padding_NHW: Sequence[Tensor]) -> Memory:
        sizes: Sizes = tuple((m.shape[-2], m.shape[-1]) for m in maps_NCHW)
        ratios_NL2 = torch.stack([valid_ratios(padding) for padding in padding_NHW], dim=1)
        positions = [
            rearrange(pixel_positions(padding, maps_NCHW[0].shape[1]), "n c h w -> n (h w) c") + level_C
            for padding, level_C in zip(padding_NHW, self.level_LC, strict=True)
        ]
        positions_NSC = torch.cat(positions, dim=1)
        references_NSL2 = pixel_centres(sizes, ratios_NL2)[:, :, None] * ratios_NL2[:, None]
        # Once for all layers: what an offset is added to, offset by offset.
        references = repeat(references_NSL2, "n s l two -> n s m l p two", m=self.heads, p=self.points)
        tokens_NSC = torch.cat([rearrange(m, "n c h w -> n (h w) c") for m in maps_NCHW], dim=1)
        padding_NS = torch.cat([padding.flatten(1) for padding in padding_NHW], dim=1)
        step = at_once(len(tokens_NSC), tokens_NSC.shape[1] * self.widest * tokens_NSC.element_size(), tokens_NSC.device)
        parts = (torch.split(x, step) for x in (tokens_NSC, padding_NS, ratios_NL2, positions_NSC, references))
        encoded = [
            self._layers(Memory(tokens, padding, sizes, ratios), positions, references)
            for tokens, padding, ratios, positions, references in zip(*parts, strict=True)
        ]
        return Memory(torch.cat(encoded), padding_NS, sizes, ratios_NL2)

    def _layers(self, memory: Memory, positions_NSC: Tensor, references_NSMLP2: Tensor) -> Tensor:
        for layer in self.layers:
            memory = memory._replace(tokens_NSC=layer(memory, positions_NSC, references_NSMLP2))
        return memory.tokens_NSC


def pixel_centres(sizes: Sizes, ratios_NL2: Tensor) -> Tensor:
    """[N, S, 2]: x y of every pixel's centre in shares of the unpadded part of its level."""
    centres = []
    for (height, width), ratios_N2 in zip(sizes, ratios_NL2.unbind(dim=1), strict=True):
        y_H = torch.arange(height, dtype=ratios_N2.dtype, device=ratios_N2.device) + 0.5
        x_W = torch.arange(width, dtype=ratios_N2.dtype, device=ratios_N2.device) + 0.5
        padded_S2 = torch.stack((x_W.repeat(height) / width, y_H.repeat_interleave(width) / height), dim=-1)
        centres.append(padded_S2 / ratios_N2[:, None])
    return torch.cat(centres, dim=1)


def finest_maps(memory: Memory, levels: int) -> list[Tensor]:
    """The first levels of a memory as maps [N, C, H, W]."""
    lengths = [height * width for height, width in memory.sizes]
    parts = torch.split(memory.tokens_NSC, lengths, dim=1)[:levels]
    return [rearrange(part, "n (h w) c -> n c h w", h=height) for part, (height, _) in zip(parts, memory.sizes, strict=False)]
