"""Samples of one length become a batch: ImageNet-normalised, zero-padded at bottom and right (spec 1.1)."""

# B clips, T frames, H W padded pixels

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from vdit.model.batch import Batch, Targets
from vdit.video import Sample

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    """One value a channel, shaped to broadcast over [..., 3, H, W]."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def collate(samples: Sequence[Sample], multiple: int = 32, invalid_boxes: Literal["released", "masked"] = "released") -> Batch:
    """Pads to the largest height and width among `samples`, rounded up to `multiple` (released: 32 in training, 16 at inference).

    Raises ValueError where the clips differ in length, or where one frame is annotated in some and all are in others.
    """
    lengths = {len(sample.frames) for sample in samples}
    if len(lengths) != 1:
        raise ValueError(f"a batch needs clips of one length, given {sorted(lengths)} frames; sample them all with data.frames")
    annotated_B = only_annotated(samples)
    sizes_B2 = torch.tensor([sample.frames.shape[1:3] for sample in samples], dtype=torch.int64)
    height, width = (int(-(-side // multiple) * multiple) for side in sizes_B2.amax(dim=0).tolist())
    clips, frames = len(samples), lengths.pop()
    pixels_BT3HW = torch.zeros(clips, frames, 3, height, width)
    padding_BTHW = torch.ones(clips, frames, height, width, dtype=torch.bool)
    masks_BTHW = torch.zeros(clips, frames if annotated_B is None else 1, height, width, dtype=torch.bool)
    for clip, sample in enumerate(samples):
        h, w = sample.frames.shape[1:3]
        pixels_BT3HW[clip, ..., :h, :w] = normalised(sample)
        padding_BTHW[clip, :, :h, :w] = False
        masks_BTHW[clip, :, :h, :w] = torch.from_numpy(np.ascontiguousarray(sample.masks[supervised(sample)]))
    boxes_BT4 = torch.stack([shares(sample)[supervised(sample)] for sample in samples])
    valid_BT = torch.stack([torch.from_numpy(np.ascontiguousarray(sample.valid_T[supervised(sample)])) for sample in samples])
    return Batch(
        frames_BT3HW=pixels_BT3HW,
        padding_BTHW=padding_BTHW,
        sizes_B2=sizes_B2,
        captions=tuple(sample.text for sample in samples),
        noise_seeds=tuple(sample.noise_seed for sample in samples),
        targets=Targets(masks_BTHW=masks_BTHW, boxes_BT4=boxes_BT4, valid_BT=valid_BT, invalid_boxes=invalid_boxes),
        annotated_B=annotated_B,
    )


def only_annotated(samples: Sequence[Sample]) -> Tensor | None:
    """[B] int64: the only annotated frame of each clip; None where all frames are."""
    annotated = [sample.annotated for sample in samples]
    indices = [index for index in annotated if index is not None]
    if indices and len(indices) < len(annotated):
        raise ValueError(f"a batch needs clips of one kind, given the annotated frames {annotated}; train on one benchmark at a time")
    return torch.tensor(indices, dtype=torch.int64) if indices else None


def supervised(sample: Sample) -> slice:
    """The frames that have a truth."""
    return slice(None) if sample.annotated is None else slice(sample.annotated, sample.annotated + 1)


def normalised(sample: Sample) -> Tensor:
    """[T, 3, H, W] float32 with ImageNet's mean and spread taken out."""
    pixels_T3HW = rearrange(torch.from_numpy(np.ascontiguousarray(sample.frames)), "t h w c -> t c h w").float() / 255
    return (pixels_T3HW - channels(MEAN, pixels_T3HW)) / channels(STD, pixels_T3HW)


def shares(sample: Sample) -> Tensor:
    """[T, 4] boxes x1 y1 x2 y2 in pixels -> cx cy w h in shares of the unpadded frame; zero where the object is not seen."""
    height, width = sample.frames.shape[1:3]
    x1, y1, x2, y2 = torch.from_numpy(np.ascontiguousarray(sample.boxes_T4)).float().unbind(dim=-1)
    boxes_T4 = torch.stack([(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height], dim=-1)
    valid_T = torch.from_numpy(np.ascontiguousarray(sample.valid_T))
    return boxes_T4 * valid_T[:, None]


def to(batch: Batch, device: torch.device) -> Batch:
    """The batch with all its tensors on `device`."""
    targets = batch.targets
    if targets is not None:
        targets = replace(
            targets,
            masks_BTHW=targets.masks_BTHW.to(device, non_blocking=True),
            boxes_BT4=targets.boxes_BT4.to(device, non_blocking=True),
            valid_BT=targets.valid_BT.to(device, non_blocking=True),
        )
    return replace(
        batch,
        frames_BT3HW=batch.frames_BT3HW.to(device, non_blocking=True),
        padding_BTHW=batch.padding_BTHW.to(device, non_blocking=True),
        sizes_B2=batch.sizes_B2.to(device, non_blocking=True),
        targets=targets,
        annotated_B=None if batch.annotated_B is None else batch.annotated_B.to(device, non_blocking=True),
    )
