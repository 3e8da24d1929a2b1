"""What is added to the latents: Gaussian noise, or noise predicted from the video (Eq. 2; rows 3 and 4 of Table 3)."""

from dataclasses import replace

from vdit.config.model import NoiseKind
from vdit.config.trial import Trial

Level = NoiseKind


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, noise=replace(trial.model.noise, kind=level)))
