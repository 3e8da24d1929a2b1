"""What every arm of a study starts from: the defaults, then DeepSpeed's file, then the preset, then the study's own sections."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.config.model import Model
from vdit.config.strict import STRICT
from vdit.config.train import DeepSpeed, Train
from vdit.config.trial import Launch, Trial
from vdit.registry import members
from vdit.study import document, explain
from vdit.study.locate import deepspeed_file, preset_file

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What trials will take, one after the other. `source` says where the figures are from."""

    seconds: float
    disk_bytes: int
    source: str


@checked(frozen=True, kw_only=True, config=STRICT)
class Estimate:
    """What one trial takes: a preset's or a study's own, until trials have been measured. `source` says where the figures are from.

    The figures are of trials of so many `steps` (0: that is not known), which take `training_share` of their seconds.
    """

    seconds_per_trial: float
    bytes_per_trial: int
    source: str
    steps: Annotated[int, Field(ge=0)] = 0
    training_share: Annotated[float, Field(ge=0, le=1)] = 1.0

    def of(self, train: Train) -> "Estimate":
        """What a trial of this training takes. One of more steps is not scaled: its benchmark may end before `max_steps`."""
        steps = train.max_steps if train.epochs else 0
        if not self.steps or steps >= self.steps or (train.epochs and not train.max_steps):
            return self
        seconds = self.seconds_per_trial * (1 - self.training_share * (1 - steps / self.steps))
        return replace(self, seconds_per_trial=seconds, source=f"scaled to {steps:,} steps: {self.source}", steps=steps)

    def times(self, count: int) -> Cost:
        return Cost(count * self.seconds_per_trial, count * self.bytes_per_trial, self.source)


@checked(frozen=True, kw_only=True, config=STRICT)
class PresetFile:
    """The keys of a preset: the sections of a trial, and what a trial is expected to cost."""

    estimate: Estimate
    model: Model = Model()
    data: Data = Data()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    launch: Launch = Launch()


def base_trial(study: Path, preset: str, overrides: Mapping[str, Any]) -> tuple[Trial, Estimate]:
    """The trial without an arm, and what one is expected to cost. Raises ValueError naming whichever file is wrong."""
    speed_path, preset_path = deepspeed_file(study), preset_file(study, preset)
    speed, preset_text = document.read(speed_path), document.read(preset_path)
    _validate(DeepSpeed, speed, speed_path)
    merged = merge({"train": {"deepspeed": speed}}, preset_text)
    # The preset first, alone, so that its own mistakes are not told of the study.
    alone = _validate(PresetFile, merged, preset_path)
    if "seconds_per_trial" in overrides.get("estimate", {}):
        # The study's own figure is not of the preset's steps.
        own = {key: value for key, value in merged.get("estimate", {}).items() if key not in ("steps", "training_share")}
        merged = {**merged, "estimate": own}
    whole = _validate(PresetFile, merge(merged, overrides), study)
    # As the axis spells them: a backbone of two spellings would be two trials.
    backbones = tuple(stem.replace("_", "-") for stem in members("backbones"))
    for file, path in ((alone, preset_path), (whole, study)):
        _check_name(path, ("data", "benchmark"), file.data.benchmark, members("benchmarks"))
        _check_name(path, ("model", "backbone", "name"), file.model.backbone.name, backbones)
    return Trial(
        arm="", model=whole.model, data=whole.data, train=whole.train, evaluate=whole.evaluate, launch=whole.launch
    ), whole.estimate


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid upon `under`, mapping by mapping; anything else, lists too, is replaced whole."""
    both = {key: merge(under[key], over[key]) for key in over if isinstance(under.get(key), Mapping) and isinstance(over[key], Mapping)}
    return {**under, **over, **both}


def _check_name(study: Path, keys: tuple[str, ...], name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise explain.unknown(study, keys, keys[1], name, known)


def _validate(kind: type[T], values: Mapping[str, Any], path: Path) -> T:
    try:
        # By way of JSON, because there a list is the right way to write a tuple, even to a strict reader.
        return TypeAdapter(kind).validate_json(json.dumps(values))
    except ValidationError as error:
        raise explain.of_section(error, path, kind) from error
