"""What the prompt is made of: frames, words or both (rows 1-3 of Table 3)."""

from dataclasses import replace

from vdit.config.model import PromptKind
from vdit.config.trial import Trial

Level = PromptKind


def apply(trial: Trial, level: Level) -> Trial:
    return replace(trial, model=replace(trial.model, prompt=replace(trial.model.prompt, kind=level)))
