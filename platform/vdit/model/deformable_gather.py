"""Multi-scale deformable sampling as a gather of the four pixels around each place: the form that compiles into one GPU kernel (spec 3.5).

N frames of all clips, Q queries, S tokens of all levels, L levels, M heads, P points, D channels of a head.
"""

from collections.abc import Callable
from functools import cache
from itertools import product

import torch
from einops import rearrange, repeat
from torch import Tensor

from vdit.model.deformable_cpu import Sizes


def sample_by_gather(values_NSMD: Tensor, sizes: Sizes, locations_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
    """[N, Q, M, D]; as `vdit.model.deformable.sample`. Uncompiled, it keeps four copies of what is read."""
    sizes_L2 = torch.tensor([(width, height) for height, width in sizes], device=values_NSMD.device)
    tokens_L = sizes_L2.prod(dim=1)
    starts_L1 = (tokens_L.cumsum(0) - tokens_L)[:, None]
    places = locations_NQMLP2 * sizes_L2[:, None] - 0.5
    below = places.floor()
    share = places - below
    values_NMSD = rearrange(values_NSMD, "n s m d -> n m s d")
    total_NMQD = values_NMSD.new_zeros(())
    for corner in product((0, 1), (0, 1)):
        step = torch.tensor(corner, device=values_NSMD.device)
        pixel = below.long() + step
        inside = ((pixel >= 0) & (pixel < sizes_L2[:, None])).all(dim=-1)
        x, y = pixel.clamp(min=0).minimum(sizes_L2[:, None] - 1).unbind(dim=-1)
        weight = weights_NQMLP * torch.where(step == 1, share, 1 - share).prod(dim=-1) * inside
        index_NMK = rearrange(starts_L1 + y * sizes_L2[:, :1] + x, "n q m l p -> n m (q l p)")
        read = values_NMSD.gather(2, repeat(index_NMK, "n m k -> n m k d", d=values_NMSD.shape[-1]))
        read = rearrange(read, "n m (q k) d -> n m q k d", q=weight.shape[1])
        total_NMQD = total_NMQD + (read * rearrange(weight, "n q m l p -> n m q (l p) 1")).sum(dim=3)
    return rearrange(total_NMQD, "n m q d -> n q m d")


@cache
def compiled() -> Callable[[Tensor, Sizes, Tensor, Tensor], Tensor]:
    """The same in one kernel each way, compiled at the first call, for any sizes."""
    return torch.compile(sample_by_gather, dynamic=True)
