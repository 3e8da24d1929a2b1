"""The released head's deformable transformer; every attention reads level by level with `grid_sample` (spec 3.2, 3.5)."""

# N frames of all clips, Q queries, S tokens of all levels, L levels, M heads, P points, C channels, H W size of a level

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.models.deformable_detr.modeling_deformable_detr import MultiScaleDeformableAttention

from vdit.config.model import Head

LEVELS = 4


class MLP(nn.Module):
    def __init__(self, width: int, output: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, wide) for wide in (width, width, output))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        output: Tensor = self.layers[-1](x)
        return output


def inverse_sigmoid(x: Tensor) -> Tensor:
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=1e-5) / (1 - x).clamp(min=1e-5))


def waves(angles: Tensor, channels: int) -> Tensor:
    """[...] to [..., channels], sine and cosine in turn."""
    pairs = torch.arange(channels // 2, device=angles.device)
    scaled = angles[..., None] / 10000 ** (2 * pairs / channels)
    return torch.stack((scaled.sin(), scaled.cos()), dim=-1).flatten(-2)


def positions(padding_NHW: Tensor, channels: int) -> Tensor:
    """[N, C, H, W]: rows, then columns."""
    seen = (~padding_NHW).float()
    y, x = seen.cumsum(dim=1), seen.cumsum(dim=2)
    y = (y - 0.5) / (y[:, -1:] + 1e-6) * 2 * math.pi
    x = (x - 0.5) / (x[:, :, -1:] + 1e-6) * 2 * math.pi
    return torch.cat((waves(y, channels // 2), waves(x, channels // 2)), dim=-1).permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class Memory:
    """All levels of each frame in one sequence."""

    tokens_NSC: Tensor
    padding_NS: Tensor
    sizes: list[tuple[int, int]]
    ratios_NL2: Tensor


class DeformableAttention(nn.Module):
    def __init__(self, config: Head) -> None:
        super().__init__()
        self.heads, self.points = config.heads, config.points
        sampled = config.heads * LEVELS * config.points
        self.sampling_offsets = nn.Linear(config.width, 2 * sampled)
        self.attention_weights = nn.Linear(config.width, sampled)
        self.value_proj = nn.Linear(config.width, config.width)
        self.output_proj = nn.Linear(config.width, config.width)
        self.read = MultiScaleDeformableAttention()

    def forward(self, queries_NQC: Tensor, references_NQLX: Tensor, memory: Memory) -> Tensor:
        count, queries, _ = queries_NQC.shape
        values = self.value_proj(memory.tokens_NSC).masked_fill(memory.padding_NS[..., None], 0.0)
        offsets = self.sampling_offsets(queries_NQC).view(count, queries, self.heads, LEVELS, self.points, 2)
        weights = self.attention_weights(queries_NQC).view(count, queries, self.heads, LEVELS * self.points).softmax(dim=-1)
        references = references_NQLX[:, :, None, :, None]
        if references.shape[-1] == 2:
            sides_L2 = offsets.new_tensor([(width, height) for height, width in memory.sizes])
            places = references + offsets / sides_L2[:, None]
        else:
            places = references[..., :2] + offsets / self.points * references[..., 2:] * 0.5
        read_NQC = self.read(
            values.view(count, -1, self.heads, values.shape[-1] // self.heads),
            torch.tensor(memory.sizes),
            memory.sizes,
            torch.empty(0),  # where levels start: the formulation with `grid_sample` does not ask
            places,
            weights.view(count, queries, self.heads, LEVELS, self.points),
            64,
        )
        output: Tensor = self.output_proj(read_NQC)
        return output


class EncoderLayer(nn.Module):
    def __init__(self, config: Head) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(config)
        self.norm1, self.norm2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)

    def forward(self, memory: Memory, places_NSC: Tensor, references_NSL2: Tensor) -> Tensor:
        x = memory.tokens_NSC
        x = self.norm1(x + self.self_attn(x + places_NSC, references_NSL2, memory))
        output: Tensor = self.norm2(x + self.linear2(self.linear1(x).relu()))
        return output


class DecoderLayer(nn.Module):
    def __init__(self, config: Head) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(config.width, config.heads)
        self.cross_attn = DeformableAttention(config)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(config.width) for _ in range(3))
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)

    def forward(self, x: Tensor, places_NQC: Tensor, references_NQLX: Tensor, memory: Memory) -> Tensor:
        placed = (x + places_NQC).transpose(0, 1)
        attended, _ = self.self_attn(placed, placed, x.transpose(0, 1))
        x = self.norm2(x + attended.transpose(0, 1))
        x = self.norm1(x + self.cross_attn(x + places_NQC, references_NQLX, memory))
        output: Tensor = self.norm3(x + self.linear2(self.linear1(x).relu()))
        return output


@dataclass(frozen=True, slots=True)
class Decoded:
    """A list entry a decoder layer; `references` start with the one before the first layer."""

    states_NQC: list[Tensor]
    references_NQX: list[Tensor]
    maps_NCHW: list[Tensor]  # the encoder's memory, level by level


class Transformer(nn.Module):
    """`boxes` are the heads that refine the references: the decoder's are the model's own."""

    def __init__(self, config: Head, boxes: nn.ModuleList) -> None:
        super().__init__()
        self.level_embed = nn.Parameter(torch.randn(LEVELS, config.width))
        self.reference_points = nn.Linear(config.width, 2)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))})
        decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder = nn.ModuleDict({"layers": decoder, "bbox_embed": boxes})

    def forward(self, maps_NCHW: list[Tensor], padding_NHW: list[Tensor], queries_NQC: Tensor, places_QC: Tensor) -> Decoded:
        memory = self.encode(maps_NCHW, padding_NHW)
        places_NQC = places_QC.expand(len(queries_NQC), -1, -1)
        references = [self.reference_points(places_NQC).sigmoid()]
        states = [queries_NQC]
        for layer, head in zip(self.decoder["layers"], self.decoder["bbox_embed"], strict=True):
            known = references[-1].shape[-1]
            scale_NL = memory.ratios_NL2.repeat(1, 1, known // 2)
            states.append(layer(states[-1], places_NQC, references[-1][:, :, None] * scale_NL[:, None], memory))
            references.append(moved(head(states[-1]), references[-1]).detach())
        parts = memory.tokens_NSC.split([height * width for height, width in memory.sizes], dim=1)
        maps = [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, memory.sizes, strict=True)]
        return Decoded(states[1:], references, maps)

    def encode(self, maps_NCHW: list[Tensor], padding_NHW: list[Tensor]) -> Memory:
        sizes = [(x.shape[2], x.shape[3]) for x in maps_NCHW]
        ratios = torch.stack([shares(padding) for padding in padding_NHW], dim=1)
        channels = maps_NCHW[0].shape[1]
        embedded = [positions(padding, channels) + row[:, None, None] for padding, row in zip(padding_NHW, self.level_embed, strict=True)]
        places_NSC, x = (torch.cat([y.flatten(2).transpose(1, 2) for y in levels], dim=1) for levels in (embedded, maps_NCHW))
        padding_NS = torch.cat([padding.flatten(1) for padding in padding_NHW], dim=1)
        references_NSL2 = (
            torch.cat([centres(size, ratios[:, level]) for level, size in enumerate(sizes)], dim=1)[:, :, None] * ratios[:, None]
        )
        for layer in self.encoder["layers"]:
            x = layer(Memory(x, padding_NS, sizes, ratios), places_NSC, references_NSL2)
        return Memory(x, padding_NS, sizes, ratios)


def moved(delta_NQ4: Tensor, reference_NQX: Tensor) -> Tensor:
    """[N, Q, 4]: a box is predicted relative to its reference, of which a point knows the centre only."""
    known = reference_NQX.shape[-1]
    return torch.cat((delta_NQ4[..., :known] + inverse_sigmoid(reference_NQX), delta_NQ4[..., known:]), dim=-1).sigmoid()


def shares(padding_NHW: Tensor) -> Tensor:
    """[N, 2]: shares of width and height that are not padding."""
    height, width = padding_NHW.shape[1:]
    return torch.stack(((~padding_NHW[:, 0]).sum(dim=1) / width, (~padding_NHW[:, :, 0]).sum(dim=1) / height), dim=-1)


def centres(size: tuple[int, int], ratios_N2: Tensor) -> Tensor:
    """[N, H x W, 2]: x y of pixels in shares of the unpadded part of a level."""
    height, width = size
    y, x = torch.meshgrid(
        torch.arange(height, device=ratios_N2.device) + 0.5, torch.arange(width, device=ratios_N2.device) + 0.5, indexing="ij"
    )
    return torch.stack((x.flatten() / width, y.flatten() / height), dim=-1) / ratios_N2[:, None]
