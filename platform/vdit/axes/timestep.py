"""At which step of the forward process the U-Net is read (Eq. 3): 0, the paper's, to 999."""

from dataclasses import replace

from vdit.config.model import Timestep as Level
from vdit.config.trial import Trial


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, diffusion=replace(trial.model.diffusion, timestep=level)))
