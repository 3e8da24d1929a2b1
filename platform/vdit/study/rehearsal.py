"""The rehearsal of a study: every arm takes one step end to end, reference first, before any trial that takes long.

It runs like a trial, below runs/rehearsals/<study>, which is removed after it, and leaves a marker, runs/rehearsals/<first 16 of key>.json:
it is done once a trial and shape of launch. What it found of the first step also shows an arm that varies nothing: a no-op.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from pathlib import Path
from typing import Any

from vdit.config.trial import Launch, Trial
from vdit.study.factors import level_name
from vdit.study.plan import Plan, PlannedTrial

FOLDER = "rehearsals"
# The losses of a step come out of the same sums, so that they are equal bit for bit; gradients are summed in no fixed order on a GPU.
GRADIENT_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a study is rehearsed, and what for: the trials `todo`, on so many workers each."""

    plan: Plan
    todo: Sequence[PlannedTrial]
    runs: Path
    workers: int

    @property
    def place(self) -> Path:
        return self.runs / FOLDER / self.plan.study.study

    def cast(self) -> list[PlannedTrial]:
        """The reference, then the arms of `todo`, each with its first seed."""
        first: dict[str, PlannedTrial] = {}
        for planned in (*self.plan.trials, *self.todo):
            first.setdefault(planned.trial.arm, planned)
        return [first[arm] for arm in dict.fromkeys([self.plan.trials[0].trial.arm, *(planned.trial.arm for planned in self.todo)])]

    def due(self) -> list[PlannedTrial]:
        """Those that have no marker of this shape. What older code has computed cannot be rehearsed by the code of today."""
        mine = [planned for planned in self.cast() if planned.code == self.plan.code] if self.todo else []
        return [planned for planned in mine if self.marker(planned) is None]

    def marker(self, planned: PlannedTrial) -> Mapping[str, Any] | None:
        """None where there is none, or one of another shape, whose memory and draws were others."""
        file = self.file_of(planned)
        if not file.exists():
            return None
        found: Mapping[str, Any] = json.loads(file.read_bytes())
        return found if found["key"] == planned.key and found["shape"] == _shape(planned.trial.launch, self.workers) else None

    def found(self, planned: PlannedTrial, result: Mapping[str, Any]) -> dict[str, Any]:
        """What its marker holds, of the result.json that its rehearsal left."""
        about = {"key": planned.key, "arm": planned.trial.arm, "shape": _shape(planned.trial.launch, self.workers)}
        return {**about, "seconds": result["seconds"], "metrics": sorted(result["metrics"]), "first": result["first"]}

    def noops(self) -> list[str]:
        """For each arm to run that differs from the reference in the model alone, and not in its first step: what is wrong with it."""
        reference, *others = self.cast()
        found = []
        for other in others:
            tolerated = {other.trial.arm, *other.shared_with} & set(self.plan.study.allow_noop)
            if not tolerated and _only_the_model(reference.trial, other.trial) and _alike(self.marker(reference), self.marker(other)):
                found.append(_complaint(reference, other))
        return found

    def unmeasured(self) -> list[str]:
        """What is wrong with a search whose objective the reference, or its rehearsal, did not measure."""
        search = self.plan.study.search
        metrics = self.measured(self.cast()[0]) if search else None
        if search is None or metrics is None or search.metric in metrics:
            return []
        benchmark = self.plan.study.base.data.benchmark
        return [f"search.metric {search.metric!r} is not measured on {benchmark}, which has {', '.join(metrics)}"]

    def measured(self, planned: PlannedTrial) -> list[str] | None:
        """The metrics of a trial; None where it is neither done nor rehearsed."""
        if planned.done:
            return sorted(json.loads((self.runs / "trials" / planned.folder / "result.json").read_bytes())["metrics"])
        marker = self.marker(planned)
        return list(marker["metrics"]) if marker else None

    def file_of(self, planned: PlannedTrial) -> Path:
        return self.runs / FOLDER / f"{planned.folder}.json"


def shortened(trial: Trial, data: Path, weights: Path) -> Trial:
    """One step, and one of each thing that is measured, on data and weights that lie beside the study's own trials."""
    evaluate, launch = trial.evaluate, trial.launch
    light, draws, clips = evaluate.light[:1], min(evaluate.light_draws, 1), min(evaluate.drift_clips, 1)
    return replace(
        trial,
        train=replace(trial.train, max_steps=1),
        evaluate=replace(evaluate, light=light, light_draws=draws, drift_clips=clips),
        launch=replace(launch, data=str(data), weights=str(weights), store="off"),
    )


def _shape(launch: Launch, workers: int) -> dict[str, Any]:
    return {"workers": workers, "gpus": launch.gpus, "micro_batch": launch.micro_batch, "recompute": launch.recompute}


def _only_the_model(one: Trial, other: Trial) -> bool:
    return replace(one, arm="", model=other.model, launch=other.launch) == replace(other, arm="")


def _alike(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether both took the same first step; not where one was not rehearsed, or takes no step at all."""
    if one is None or other is None or one["first"] is None or other["first"] is None:
        return False
    mine, its = one["first"], other["first"]
    if mine["losses"] != its["losses"] or mine["gradients"].keys() != its["gradients"].keys():
        return False
    return all(isclose(length, its["gradients"][name], rel_tol=GRADIENT_TOLERANCE) for name, length in mine["gradients"].items())


def _complaint(reference: PlannedTrial, planned: PlannedTrial) -> str:
    axes = [name for name in {**planned.levels, **reference.levels} if planned.levels.get(name) != reference.levels.get(name)]
    changed = ", ".join(f"{name} {_level(planned, name)} for {_level(reference, name)}" for name in axes)
    return (
        f"arm {planned.trial.arm!r} is a no-op: with {changed} the losses and gradients of the first step are those of "
        f"{reference.trial.arm!r}; drop it, or list it under allow_noop"
    )


def _level(planned: PlannedTrial, axis: str) -> str:
    return level_name(planned.levels[axis]) if axis in planned.levels else "the preset's level"
