"""Whose features are read: a file of vdit/backbones. A name with `random` in front is the control: random weights of the same sizes."""

from dataclasses import replace
from typing import Literal

from vdit.config.trial import Trial

Level = Literal[
    "modelscope",
    "miniature",
    "video-swin",
    "stable-diffusion",
    "random",
    "random-denoiser",
    "random-video-swin",
    "random-stable-diffusion",
]


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, backbone=replace(trial.model.backbone, name=level)))
