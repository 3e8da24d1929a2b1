"""Designs: from the arms and axes of a study to the list of arms to compare, the reference first."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from vdit.config.trial import Trial
from vdit.registry import nearest
from vdit.study.document import shown
from vdit.study.spec import Arm, Level, Study, axis


def arms(study: Study) -> list[Arm]:
    """The arms of the study, named differently, the reference first. Raises ValueError naming the file where that cannot be."""
    match study.design:
        case "listed":
            found = listed(study)
        case "grid":
            found = grid(study)
        case "one-factor":
            found = one_factor(study)
    names = {arm.name: arm for arm in found}
    if len(names) < len(found):
        twice = next(arm.name for arm in found if names[arm.name] is not arm)
        raise ValueError(f"{shown(study.path)}: arms.{twice}: the design makes an arm of this name too; choose another name")
    if study.reference and study.reference not in names:
        raise ValueError(f"{shown(study.path)}: reference: unknown arm {study.reference!r}; {nearest(study.reference, names)}")
    first = names.pop(study.reference or found[0].name)
    return [first, *names.values()]


def listed(study: Study) -> list[Arm]:
    """The arms as they are written."""
    return list(study.arms)


def grid(study: Study) -> list[Arm]:
    """The written arms, and every combination of the axes' levels once, each with the reference's levels on all other axes."""
    levels = _reference_levels(study)
    names = [varied.name for varied in study.axes]
    points = product(*(varied.levels for varied in study.axes))
    return [*study.arms, *(_point(levels, zip(names, point, strict=True)) for point in points)]


def one_factor(study: Study) -> list[Arm]:
    """The written arms, and for each level of each axis the reference with that one level changed."""
    levels = _reference_levels(study)
    points = [_point(levels, [(varied.name, level)]) for varied in study.axes for level in varied.levels]
    reference, *trials = resolve(study.base, [Arm("", levels), *points])
    # A level that the reference has already, by name or by default, makes no other arm.
    return [*study.arms, *(point for point, trial in zip(points, trials, strict=True) if replace(trial, arm="") != reference)]


def resolve(base: Trial, arms: Iterable[Arm]) -> list[Trial]:
    """For each arm `base` with its levels, under its name. Arms that begin alike share that work: a grid is walked as a tree."""
    seen: dict[tuple[tuple[str, Level], ...], Trial] = {(): base}
    found = []
    for arm in arms:
        path: tuple[tuple[str, Level], ...] = ()
        trial = base
        for name, level in arm.levels.items():
            path = (*path, (name, level))
            trial = seen[path] if path in seen else axis(name).apply(trial, level)
            seen[path] = trial
        found.append(replace(trial, arm=arm.name))
    return found


def level_name(level: Level) -> str:
    """As an arm's name has it: 50, image+text, in+up2."""
    return "+".join(level) if isinstance(level, tuple) else str(level)


def _reference_levels(study: Study) -> Mapping[str, Level]:
    return next((arm.levels for arm in study.arms if arm.name == study.reference), {})


def _point(levels: Mapping[str, Level], changed: Iterable[tuple[str, Level]]) -> Arm:
    point = dict(changed)
    return Arm(", ".join(f"{name}={level_name(level)}" for name, level in point.items()), {**levels, **point})
