"""How many frames a training clip has (5 in the paper, Section 5). Evaluation takes whole videos or windows whatever this is."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from vdit.config.trial import Trial

Level = Annotated[int, Field(ge=1, le=64)]


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, data=replace(trial.data, frames=level))
