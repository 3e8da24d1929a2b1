"""Clips of which one frame is annotated: the U-Net sees all frames, the head that frame alone (Section 5, A2D-Sentences; spec 3.9).

B clips, T frames, N = B x T with clips outermost, C channels, H W size of a level.
"""

from dataclasses import replace

import torch
from torch import Tensor

from vdit.model.batch import Batch, Levels


def levels_of(levels: Levels, batch: Batch) -> Levels:
    """The features of the annotated frames; all of them where all frames are annotated."""
    if batch.annotated_B is None:
        return levels
    frames_B = torch.arange(batch.clips, device=batch.annotated_B.device) * batch.length + batch.annotated_B
    return Levels(tuple(level[frames_B] for level in levels.maps_BTCHW), tuple(padding[frames_B] for padding in levels.padding_BTHW))


def clips_of(batch: Batch) -> Batch:
    """The clips cut to their annotated frames, as the head takes them: targets have no others anyway."""
    if batch.annotated_B is None:
        return batch
    frames_BT3HW, padding_BTHW = (_cut(values, batch.annotated_B) for values in (batch.frames_BT3HW, batch.padding_BTHW))
    return replace(batch, frames_BT3HW=frames_BT3HW, padding_BTHW=padding_BTHW, annotated_B=None)


def _cut(values_BTX: Tensor, annotated_B: Tensor) -> Tensor:
    """[B, 1, ...]: one frame of each clip."""
    clips_B = torch.arange(len(annotated_B), device=annotated_B.device)
    return values_BTX[clips_B, annotated_B][:, None]
