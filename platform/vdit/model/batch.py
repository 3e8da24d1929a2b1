"""What goes into the model and what comes out of its parts: the types of Section 4.

B clips, T frames, H W padded pixels, Q queries, L words, C channels. BT is B x T, clips outermost.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Targets:
    """The truth of a batch at the padded size. Boxes are cx cy w h in shares of the unpadded size; zero where `valid_BT` is false.

    T is that of the clips, or 1 where only one frame of each is annotated (`Batch.annotated_B`).
    `invalid_boxes` says whether those zero boxes count in costs and losses, as released, or are left out (spec B10).
    """

    masks_BTHW: Tensor  # bool
    boxes_BT4: Tensor
    valid_BT: Tensor  # bool
    invalid_boxes: Literal["released", "masked"] = "released"

    @property
    def counted(self) -> Tensor:
        """[B, T] bool: the frames whose boxes count."""
        return self.valid_BT if self.invalid_boxes == "masked" else torch.ones_like(self.valid_BT)


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips of one length, ImageNet-normalised and zero-padded at bottom and right to one size (spec 1.1).

    `padding_BTHW` is True on padding; `sizes_B2` are the unpadded heights and widths; `noise_seeds` draw each clip's gaussian noise.
    `annotated_B` (int64) is the only annotated frame of each clip; None: all are.
    """

    frames_BT3HW: Tensor
    padding_BTHW: Tensor
    sizes_B2: Tensor  # int64
    captions: tuple[str, ...]
    noise_seeds: tuple[int, ...]
    targets: Targets | None
    annotated_B: Tensor | None = None

    @property
    def clips(self) -> int:
        return self.frames_BT3HW.shape[0]

    @property
    def length(self) -> int:
        return self.frames_BT3HW.shape[1]


class Levels(NamedTuple):
    """Visual features F_v: one map a stride (4, 8, 16, 32), and for each the padding mask (True on padding) at its size."""

    maps_BTCHW: tuple[Tensor, ...]  # each [BT, C, H/s, W/s]
    padding_BTHW: tuple[Tensor, ...]  # each [BT, H/s, W/s] bool


@dataclass(frozen=True, slots=True)
class Words:
    """RoBERTa's last hidden states, and where they are padding."""

    states_BLC: Tensor
    padding_BL: Tensor  # bool


class LayerOutput(NamedTuple):
    """One decoder layer in training. `chosen_B` is the matched query of each clip, `masks_BTHW` its full-resolution logits."""

    logits_BTQ: Tensor
    boxes_BTQ4: Tensor  # cx cy w h, shares of the unpadded size
    low_BTQHW: Tensor  # stride-2 mask logits
    chosen_B: Tensor  # int64
    masks_BTHW: Tensor


@dataclass(frozen=True, slots=True)
class Prediction:
    """The last layer at inference, for the queries kept (one, or all Q): full-resolution logits at the padded size."""

    masks_BTQHW: Tensor
    logits_BTQ: Tensor
    boxes_BTQ4: Tensor
