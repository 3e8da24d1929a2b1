"""The data of a trial: benchmark, clip sampling and augmentation (spec section 5: Training)."""

from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class World:
    """The miniature world that `benchmarks/miniature.py` writes; no other benchmark reads this."""

    seed: int = 0
    train_videos: int = 48
    valid_videos: int = 12
    frames: int = 12
    height: int = 64
    width: int = 96
    objects: int = 3


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Augment:
    """Geometry and colour, drawn once per clip (photometry once per frame). Sides are of the shorter edge, in pixels.

    `scales` and `max_side` end both branches; `crop_scales` and `crop` (least and greatest side) make the crop branch. No scales: frames
    keep their size and the crop branch is off.
    """

    enabled: bool = True
    scales: tuple[int, ...] = (288, 320, 352, 392, 416, 448, 480, 512)
    max_side: int = 640
    crop_scales: tuple[int, ...] = (400, 500, 600)
    crop: tuple[int, int] = (384, 600)
    flip: float = 0.5
    reverse: float = 0.3
    photometric: bool = True


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Data:
    """`seed` fixes clips, augmentation draws and gaussian noise for every arm and every seed of a study."""

    benchmark: str = "ref_youtube_vos"
    seed: int = 0
    train_split: str = "train"
    eval_split: str = "valid"
    frames: int = 5
    augment: Augment = Augment()
    world: World = World()
