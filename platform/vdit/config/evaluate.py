"""How a trained model is measured (spec section 6; metrics.md part C)."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT

Precision = Literal["none", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Evaluate:
    """`short_side` 0 keeps the frames' size, `max_side` 0 sets no bound, `window` 0 takes the whole video as one clip.

    `window` is that of whole videos; where one frame of a video is annotated the window is centred on it and has data.frames.

    Padded sides are multiples of `pad`: as released 16 for videos and 32 for single images, as in training. `autocast` is the precision
    of the model; the released inference uses float16.

    `queries` are those whose masks are detections, on benchmarks that are scored by detections: all, as released for A2D-Sentences,
    JHMDB-Sentences and RefCOCO, or the best one, as in SgMg's pre-training. The best query's overall and mean IoU is the same, mAP is not.

    `light` are the brightness levels of Figure 5 beyond 0; none, or no `drift_clips`: Figure 5, or 4, is not measured.
    """

    short_side: int = 360
    max_side: int = 0
    window: Annotated[int, Field(ge=0)] = 36
    pad: Annotated[int, Field(ge=8, multiple_of=8)] = 16
    threshold: float = 0.5
    autocast: Precision = "none"
    queries: Literal["all", "best"] = "all"
    light: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    light_draws: int = 3
    drift_clips: int = 1000
    drift_frames: int = 8
