"""Optimisation (spec section 5) and the losses' weights (spec section 4)."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LossWeights:
    """Weights of the loss terms; the same for every decoder layer."""

    ce: float = 2.0
    bbox: float = 5.0
    giou: float = 2.0
    mask: float = 2.0
    dice: float = 5.0
    mask_low: float = 2.0
    dice_low: float = 5.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MatchWeights:
    """Weights of the matching costs."""

    ce: float = 2.0
    bbox: float = 5.0
    giou: float = 2.0
    mask: float = 2.0
    dice: float = 5.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ZeroOptimization:
    """DeepSpeed's `zero_optimization`."""

    stage: Literal[0, 1, 2, 3] = 0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TorchAutocast:
    """DeepSpeed's `torch_autocast`."""

    enabled: bool = False
    dtype: Literal["bfloat16", "float16"] = "bfloat16"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DeepSpeed:
    """The part of a DeepSpeed configuration file that changes what is computed, under DeepSpeed's own names."""

    zero_optimization: ZeroOptimization = ZeroOptimization()
    torch_autocast: TorchAutocast = TorchAutocast()
    gradient_clipping: float = 0.1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Train:
    """`batch` is the global batch in clips; `max_steps` 0 means all of `epochs`; after each epoch of `drops` the rate falls to a tenth.

    `start` says which trained parameters the trial goes on from: the key of a trial, or the digest of a file ("" draws them); its class
    heads are then drawn anew, as in the released code, or kept (B12). A backbone that is trained (Video Swin) learns at `backbone_rate`
    times the rate, half of it in SgMg; VD-IT has one rate for all. `invalid_boxes`: box costs and losses count frames without the object
    too, as released, or leave them out (B10).
    """

    epochs: Annotated[int, Field(ge=0)] = 9
    max_steps: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=1)] = 2
    learning_rate: float = 5e-5
    backbone_rate: float = 0.5
    weight_decay: float = 5e-4
    drops: tuple[int, ...] = (6, 8)
    start: str = ""
    class_head: Literal["re-initialise", "keep"] = "re-initialise"
    invalid_boxes: Literal["released", "masked"] = "released"
    loss: LossWeights = LossWeights()
    match: MatchWeights = MatchWeights()
    deepspeed: DeepSpeed = DeepSpeed()
