"""The data of a trial: benchmark, clip sampling and augmentation (spec section 5: Training)."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT

# Where a box ends: at the mask's last pixel, as in the released code (spec B8), or behind it.
Extent = Literal["inclusive", "exclusive"]
# The case of an expression at test: lower, as in training, or as written, as in the released code (spec B13).
Captions = Literal["lower", "released"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class World:
    """The miniature world that `benchmarks/miniature.py` writes; no other benchmark reads this.

    Options are off by default and on in the split "hard". `occlusion`: in every clip one object passes behind another. `entering`: the
    share of moving objects that enter or leave. `camera`: how far the view shifts in a clip at most, in shares of the shorter side.
    `lighting`: by which share brightness changes in a clip at most.
    """

    seed: int = 0
    train_videos: int = 48
    valid_videos: int = 12
    hard_videos: int = 0
    frames: int = 12
    height: int = 64
    width: int = 96
    objects: int = 3
    occlusion: bool = False
    entering: Annotated[float, Field(ge=0, le=1)] = 0.0
    camera: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    lighting: Annotated[float, Field(ge=0, le=0.5)] = 0.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Augment:
    """Geometry and colour, drawn once per clip (photometry once per frame). Sides are of the shorter edge, in pixels.

    A clip takes one of `scales` up to `max_side`; or, as often, one of `crop_scales`, then a window of `crop` (least and greatest side),
    then one of `cropped_scales` up to `cropped_max_side`. No `crop_scales`: never a window. No `scales`: frames keep their size, and no
    window either.
    """

    enabled: bool = True
    scales: tuple[int, ...] = (288, 320, 352, 392, 416, 448, 480, 512)
    max_side: int = 640
    crop_scales: tuple[int, ...] = (400, 500, 600)
    crop: tuple[int, int] = (384, 600)
    cropped_scales: Annotated[tuple[int, ...], Field(min_length=1)] = (288, 320, 352, 392, 416, 448, 480, 512)
    cropped_max_side: int = 640
    flip: float = 0.5
    reverse: float = 0.3
    photometric: bool = True


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Data:
    """`seed` fixes clips, augmentation draws and gaussian noise for every arm and every seed of a study.

    Splits are named as the benchmark's file names them. `boxes` says where the boxes end that are trained on, `captions` in what case an
    expression is predicted; in training it is always lower.
    """

    benchmark: str = "ref_youtube_vos"
    seed: int = 0
    train_split: str = "train"
    eval_split: str = "valid"
    frames: Annotated[int, Field(ge=1, le=64)] = 5
    boxes: Extent = "inclusive"
    captions: Captions = "lower"
    augment: Augment = Augment()
    world: World = World()
