"""Row (d): words through the backbone against the same words added behind it, to features that never heard them (late fusion)."""

# B clips, T frames, M cells of a clip (T x h x w), C channels

from collections.abc import Mapping

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import unfold

from vdit.pretrain.gate.overlap import Overlap
from vdit.pretrain.gate.referent import WITH, WITHOUT
from vdit.pretrain.gate.table import Row, verdict

LATE, LATE_LATENTS = "no words, expression added late", "raw latents 3x3, expression added late"
# What "at least as good" leaves to chance.
MARGIN = 0.01


def added(features_BMC: Tensor, summaries_BC: Tensor) -> Tensor:
    """[B, M, C + C']: each cell with the text tower's summary of its clip's expression, in half precision."""
    spread_BMC = summaries_BC[:, None].expand(-1, features_BMC.shape[1], -1)
    return torch.cat([features_BMC.half(), spread_BMC.half()], dim=-1)


def neighbourhoods(latents_BTChw: Tensor) -> Tensor:
    """[B, M, 9 C]: each cell of the clean latents with its eight neighbours; there are zeros beyond the edge."""
    windows = unfold(rearrange(latents_BTChw, "b t c h w -> (b t) c h w"), kernel_size=3, padding=1)
    return rearrange(windows, "(b t) c m -> b (t m) c", b=len(latents_BTChw))


def rows(found: Mapping[str, Overlap], same_colour_B: NDArray[np.bool_]) -> list[Row]:
    through, late, latents = found[WITH], found[LATE], found[LATE_LATENTS]
    gain, same = through.minus(late), through.where(same_colour_B).minus(late.where(same_colour_B))
    # Words that nobody hears are as good here as there.
    heard = through.minus(found[WITHOUT]).low > 0
    bound = f"the interval's lower end at least -{MARGIN:.2f}, and words better than none (c)"
    says = "IoU of the meant thing with words through the backbone, minus that with them added late"
    raw = "IoU of the meant thing with words through the backbone, minus that of raw latents 3x3 with them added late"
    return [
        verdict("d", says, "IoU", gain, through.clips, bound=bound, passed=heard and gain.low >= -MARGIN, note=through.by_seed(late)),
        verdict("d", f"{says}, pairs of one colour", "IoU", same, int(same_colour_B.sum())),
        verdict("d", raw, "IoU", through.minus(latents), through.clips),
        verdict("d", f"IoU of the meant thing, {LATE}", "IoU", late.iou(), late.clips),
        verdict("d", f"meant thing above the other, {LATE} (chance: 50 %)", "share", late.picks(), late.clips),
        verdict("d", f"IoU of the meant thing, {LATE_LATENTS}", "IoU", latents.iou(), latents.clips),
        verdict("d", f"meant thing above the other, {LATE_LATENTS} (chance: 50 %)", "share", latents.picks(), latents.clips),
    ]
