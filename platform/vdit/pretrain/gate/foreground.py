"""Row (e): whether the features, without words, tell things from the background: a linear probe, against weights nobody trained."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vdit.pretrain.gate.clips import Clip
from vdit.pretrain.gate.overlap import Overlap
from vdit.pretrain.gate.table import Row, verdict

TRAINED, RANDOM, LATENTS = "features", "features of random weights", "raw latents 3x3"
BOUND = 0.10


def things(clips: Sequence[Clip]) -> Tensor:
    """[B, M] bool: cells of any thing."""
    return torch.stack([torch.from_numpy(clip.cells_Thw > 0).flatten() for clip in clips])


def rows(found: Mapping[str, Overlap]) -> list[Row]:
    trained, random, latents = found[TRAINED], found[RANDOM], found[LATENTS]
    gain, bound = trained.minus(random), f"the interval's lower end at least {BOUND:.2f}"
    says = "IoU of all things, minus that of"
    listed = [
        verdict("e", f"{says} random weights", "IoU", gain, trained.clips, bound=bound, passed=gain.low >= BOUND),
        verdict("e", f"{says} raw latents 3x3", "IoU", trained.minus(latents), trained.clips),
    ]
    each = ((TRAINED, trained), (RANDOM, random), (LATENTS, latents))
    return listed + [verdict("e", f"IoU of all things, {name}", "IoU", one.iou(), one.clips) for name, one in each]
