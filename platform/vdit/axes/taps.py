"""Which layers of the U-Net are read: any non-empty set of them, or `released`, the set of the released code (spec section 1.8)."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator

from vdit.config.model import RELEASED_TAPS, Tap, once
from vdit.config.trial import Trial

# By level of the pyramid, finest first; within a level as the released code concatenates. The order a study lists them in means nothing.
_ORDER: tuple[Tap, ...] = ("in", "up2", "up3", "down0", "up1", "down1", "up0", "down2", "mid", "down3")


def _in_order(taps: tuple[Tap, ...]) -> tuple[Tap, ...]:
    if not taps:
        raise ValueError("no layer is named; name at least one, or write 'released'")
    return tuple(sorted(once(taps), key=_ORDER.index))


Level = Annotated[tuple[Tap, ...], AfterValidator(_in_order)] | Literal["released"]


def apply(trial: Trial, level: Level) -> Trial:
    taps = RELEASED_TAPS if level == "released" else _in_order(level)
    return replace(trial, model=replace(trial.model, pyramid=replace(trial.model.pyramid, taps=taps)))
