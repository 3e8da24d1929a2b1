"""Whose features are read: a file of vdit/backbones. `random` is the same architecture with random weights of its own, the control."""

from dataclasses import replace
from typing import Literal

from vdit.config.trial import Trial

Level = Literal["modelscope", "miniature", "video-swin", "random"]


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, backbone=replace(trial.model.backbone, name=level)))
