"""Which head segments: VD-IT's, or SgMg's, in which words reach the pixels too (spec section 9 and discrepancy D9)."""

from dataclasses import replace

from vdit.config.model import HeadKind
from vdit.config.trial import Trial

Level = HeadKind


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, head=replace(trial.model.head, kind=level)))
