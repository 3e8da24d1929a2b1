"""Multi-scale deformable attention (Deformable DETR, arXiv 2010.04159, Eq. 3), the attention of the head's transformer (spec 3.5).

N frames of all clips, Q queries, S tokens of all levels, L levels, M heads, P points, D channels of a head, C = M x D, H W size of a level.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.model.deformable_cpu import Sizes, sample_on_cpu
from vdit.model.deformable_gather import compiled
from vdit.model.precision import no_autocast, single

LEVELS = 4  # strides 8, 16, 32 and 64


class Memory(NamedTuple):
    """All levels of each frame as one sequence, finest level first, row by row.

    `ratios_NL2` are the shares of a level's width and height that are not padding.
    """

    tokens_NSC: Tensor
    padding_NS: Tensor  # bool
    sizes: Sizes
    ratios_NL2: Tensor


class Marked(NamedTuple):
    """A memory for queries that are few: X = C + 1, tokens that are zero where padded, and a channel of ones that is so too.

    Reading is linear, so that a head may project what it has read, instead of every token; the last channel says what share of the
    projection's bias it would have read.
    """

    tokens_NS1X: Tensor
    sizes: Sizes


def marked(memory: Memory) -> Marked:
    """In single precision."""
    tokens_NSX = _zero(F.pad(single(memory.tokens_NSC), (0, 1), value=1.0), memory.padding_NS)
    return Marked(tokens_NSX.unsqueeze(2), memory.sizes)


def _zero(tokens_NSC: Tensor, padding_NS: Tensor) -> Tensor:
    """Zero where padded. On a CPU, which needs not wait to know, what has no padding is spared two passes."""
    if padding_NS.device.type == "cpu" and not padding_NS.any():
        return tokens_NSC
    return tokens_NSC.masked_fill(padding_NS[..., None], 0.0)


def sample(values_NSMD: Tensor, sizes: Sizes, locations_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
    """[N, Q, M, D]: the weighted sum of what is read at the locations (x y in shares of a level), bilinear, zero outside.

    Compiled loops on the CPU, a compiled gather on CUDA; elsewhere `grid_sample`.
    """
    inputs = (values_NSMD, sizes, locations_NQMLP2, weights_NQMLP)
    match values_NSMD.device.type:
        case "cpu":
            return sample_on_cpu(*inputs)
        case "cuda":
            return compiled()(*inputs)
        case _:
            return sample_by_grid(*inputs)


def sample_by_grid(values_NSMD: Tensor, sizes: Sizes, locations_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
    """[N, Q, M, D]; one `grid_sample` a level, on any device."""
    heads = values_NSMD.shape[2]
    grids = rearrange(2 * locations_NQMLP2 - 1, "n q m l p two -> l (n m) q p two")
    levels = torch.split(values_NSMD, [height * width for height, width in sizes], dim=1)
    read = [
        F.grid_sample(rearrange(level, "n (h w) m d -> (n m) d h w", h=height, w=width), grid, align_corners=False)
        for level, grid, (height, width) in zip(levels, grids, sizes, strict=True)
    ]
    weights = rearrange(weights_NQMLP, "n q m l p -> (n m) 1 q l p")
    summed = (torch.stack(read, dim=-2) * weights).sum(dim=(-2, -1))
    return rearrange(summed, "(n m) d q -> n q m d", m=heads)


class DeformableAttention(nn.Module):
    """Each query reads P points a level and head near its reference point. Single precision throughout, as released."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"head.width {config.width} is not divisible by head.heads {config.heads}")
        self.heads, self.points = config.heads, config.points
        sampled = config.heads * LEVELS * config.points
        self.offsets = nn.Linear(config.width, 2 * sampled)
        self.weights = nn.Linear(config.width, sampled)
        self.values = nn.Linear(config.width, config.width)
        self.output = nn.Linear(config.width, config.width)

    def reset(self) -> None:
        """Head m looks in the m-th of M compass directions, its point p at p + 1 pixels; all points count alike."""
        angle_M = torch.arange(self.heads) * (2 * math.pi / self.heads)
        compass_M2 = torch.stack((angle_M.cos(), angle_M.sin()), dim=-1)
        compass_M2 = compass_M2 / compass_M2.abs().amax(dim=-1, keepdim=True)
        distance_P = torch.arange(1, self.points + 1)
        offsets_MLP2 = torch.einsum("mx,p->mpx", compass_M2, distance_P)[:, None].expand(-1, LEVELS, -1, -1)
        with torch.no_grad():
            self.offsets.bias.copy_(offsets_MLP2.flatten())
        for parameter in (self.offsets.weight, self.weights.weight, self.weights.bias, self.values.bias, self.output.bias):
            nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.values.weight)
        nn.init.xavier_uniform_(self.output.weight)

    def forward(self, queries_NQC: Tensor, references_NQMLPX: Tensor, memory: Memory | Marked) -> Tensor:
        """[N, Q, C]. References are x y, or cx cy w h, in shares of each level's padded size (X = 2 or 4); M and P may be 1 in them."""
        with no_autocast(queries_NQC.device):
            queries_NQC = single(queries_NQC)
            weights = rearrange(self.weights(queries_NQC), "n q (m l p) -> n q m (l p)", m=self.heads, l=LEVELS).softmax(dim=-1)
            weights_NQMLP = rearrange(weights, "n q m (l p) -> n q m l p", l=LEVELS)
            locations = self._locations(queries_NQC, single(references_NQMLPX), memory.sizes)
            if isinstance(memory, Marked):
                read_NQMD = self._read_marked(memory, locations, weights_NQMLP)
            else:
                read_NQMD = self._read(memory, locations, weights_NQMLP)
            output_NQC: Tensor = self.output(rearrange(read_NQMD, "n q m d -> n q (m d)"))
        return output_NQC

    def _read(self, memory: Memory, locations: Tensor, weights_NQMLP: Tensor) -> Tensor:
        """[N, Q, M, D]: all tokens are projected, then the heads read each its own part."""
        values_NSC = _zero(self.values(single(memory.tokens_NSC)), memory.padding_NS)
        return sample(rearrange(values_NSC, "n s (m d) -> n s m d", m=self.heads), memory.sizes, locations, weights_NQMLP)

    def _read_marked(self, marked: Marked, locations: Tensor, weights_NQMLP: Tensor) -> Tensor:
        """The same, the other way round: few queries read tokens, and only what they read is projected."""
        each = "n q m l p ... -> n (q m) 1 l p ..."
        read = sample(marked.tokens_NS1X, marked.sizes, rearrange(locations, each), rearrange(weights_NQMLP, each))
        read_NQMX = rearrange(read, "n (q m) 1 x -> n q m x", m=self.heads)
        weight_MDC = rearrange(self.values.weight, "(m d) c -> m d c", m=self.heads)
        bias_MD = rearrange(self.values.bias, "(m d) -> m d", m=self.heads)
        return torch.einsum("nqmc,mdc->nqmd", read_NQMX[..., :-1], weight_MDC) + read_NQMX[..., -1:] * bias_MD

    def _locations(self, queries_NQC: Tensor, references: Tensor, sizes: Sizes) -> Tensor:
        """Offsets are pixels of a level around a point, or shares of half a box around its centre."""
        offsets = rearrange(self.offsets(queries_NQC), "n q (m l p two) -> n q m l p two", m=self.heads, l=LEVELS, two=2)
        if references.shape[-1] == 2:
            widths_L2 = offsets.new_tensor([(width, height) for height, width in sizes])
            return torch.addcdiv(references, offsets, widths_L2[:, None].expand(offsets.shape[2:]).contiguous())
        within: Tensor = references[..., :2] + offsets / self.points * references[..., 2:] * 0.5
        return within
