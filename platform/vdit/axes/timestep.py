"""At which step of the forward process the U-Net is read (Eq. 3): 0, the paper's, to 999."""

from dataclasses import replace

from vdit.config.model import Timestep
from vdit.config.trial import Trial

Level = Timestep


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, diffusion=replace(trial.model.diffusion, timestep=level)))
