"""Designs: from the arms and axes of a study to the list of arms to compare, the reference first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from vdit.config.trial import Trial
from vdit.registry import nearest
from vdit.study import explain
from vdit.study.document import shown
from vdit.study.factors import Factor, Levels, crossed, factors, level_name
from vdit.study.feasible import OF_DIFFUSION
from vdit.study.spec import SECTIONS, Arm, Level, Study, axis


def arms(study: Study, drawn: Sequence[Arm] = ()) -> list[Arm]:
    """The arms of the study, named differently, the reference first. Raises ValueError naming the file where that cannot be.

    `drawn` are the points that a search has tried so far.
    """
    match study.design:
        case "listed":
            found = listed(study)
        case "grid" | "paired":
            found = grid(study)
        case "one-factor":
            found = one_factor(study)
        case "leave-one-out":
            found = leave_one_out(study)
        case "search":
            found = [*study.arms, *drawn]
    names = {arm.name: arm for arm in found}
    if len(names) < len(found):
        twice = next(arm.name for arm in found if names[arm.name] is not arm)
        raise ValueError(f"{shown(study.path)}: arms.{twice}: the design makes an arm of this name too; choose another name")
    if study.reference and study.reference not in names:
        raise ValueError(f"{shown(study.path)}: reference: unknown arm {study.reference!r}; {nearest(study.reference, names)}")
    first = names.pop(study.reference or found[0].name)
    return [first, *names.values()]


def check_noops(study: Study, rehearsed: Iterable[Arm]) -> None:
    """Raises ValueError where `allow_noop` names none of the arms that are compared with the reference in their rehearsals."""
    names = {arm.name for arm in rehearsed}
    unknown = next((name for name in study.allow_noop if name not in names), None)
    if unknown is not None:
        raise explain.unknown(study.path, ("allow_noop",), "arm", unknown, names)


def listed(study: Study) -> list[Arm]:
    """The arms as they are written."""
    return list(study.arms)


def grid(study: Study) -> list[Arm]:
    """The written arms, and every combination of the axes' levels once, each with the reference's levels on all other axes.

    The axes of a group of `zip` count as one: that makes it `paired`.
    """
    levels = reference_levels(study)
    return [*study.arms, *(varied(study, levels, point) for point in crossed(factors(study, levels), levels))]


def one_factor(study: Study) -> list[Arm]:
    """The written arms, and for each level of each axis, or group of axes, the reference with that alone changed."""
    levels = reference_levels(study)
    points = [varied(study, levels, point) for factor in factors(study, levels) for point in crossed([factor], levels)]
    reference, *trials = resolve(study.base, [Arm("", levels), *points])
    # A level that the reference has already, by name or by default, makes no other arm.
    return [*study.arms, *(point for point, trial in zip(points, trials, strict=True) if replace(trial, arm="") != reference)]


def leave_one_out(study: Study) -> list[Arm]:
    """The written arms, and for each axis, or group of axes, the reference without that component: at the one level that is listed."""
    levels = reference_levels(study)
    components = factors(study, levels)
    found = [_without(study, levels, component) for component in components]
    reference, *trials = resolve(study.base, [Arm("", levels), *found])
    for component, trial in zip(components, trials, strict=True):
        if replace(trial, arm="") == reference:
            message = "the reference has this level too, so that nothing is left out; list the level without the component"
            raise explain.complaint(study.path, ("axes", component.names[0]), message)
    return [*study.arms, *found]


def resolve(base: Trial, arms: Iterable[Arm]) -> list[Trial]:
    """For each arm `base` with its levels, under its name.

    An axis changes one section, by what is in that section alone. So a section is made once for the levels that it comes of, and arms that
    have it in common have one object, whose text is made once too.
    """
    whole = {field.name: getattr(base, field.name) for field in fields(base)}
    sections: dict[str, str] = {}
    first = {section: _Step(base) for section in SECTIONS}
    found = []
    for arm in arms:
        last: dict[str, _Step] = {}
        for name, level in arm.levels.items():
            section = sections.get(name) or sections.setdefault(name, _changed_section(base, name, level))
            last[section] = last.get(section, first[section]).next(name, level)
        varied = {section: getattr(step.trial, section) for section, step in last.items()}
        found.append(Trial(**{**whole, **varied, "arm": arm.name}))
    return found


@dataclass(slots=True)
class _Step:
    """A trial after some levels of one section, and the steps from there."""

    trial: Trial
    known: dict[tuple[str, Level], "_Step"] = field(default_factory=dict)

    def next(self, name: str, level: Level) -> "_Step":
        step = self.known.get((name, level))
        if step is None:
            step = self.known[name, level] = _Step(axis(name).apply(self.trial, level))
        return step


def _changed_section(base: Trial, name: str, level: Level) -> str:
    varied = axis(name).apply(base, level)
    changed = [section for section in SECTIONS if getattr(varied, section) is not getattr(base, section)]
    assert len(changed) == 1, f"axis {name} changes {' and '.join(changed) or 'nothing'}; an axis changes one section"
    return changed[0]


def reference_levels(study: Study) -> Levels:
    return next((arm.levels for arm in study.arms if arm.name == study.reference), {})


def varied(study: Study, levels: Levels, point: Levels) -> Arm:
    """The reference, of these `levels`, with those of the point; named by the point."""
    return Arm(", ".join([f"{name}={level_name(level)}" for name, level in point.items()]), _changed(study, levels, point))


def _without(study: Study, levels: Levels, component: Factor) -> Arm:
    if len(component.points) > 1:
        message = f"has {len(component.points)} levels; keep the one without the component, or write design: one-factor"
        raise explain.complaint(study.path, ("axes", component.names[0]), message)
    point = dict(zip(component.names, component.points[0], strict=True))
    return Arm(f"without {' and '.join(component.names)}", _changed(study, levels, point))


def _changed(study: Study, levels: Levels, point: Levels) -> Mapping[str, Level]:
    """The reference's levels with those of the point, but none that the point's backbone has no use for and the point does not vary."""
    both = {**levels, **point}
    backbone = both.get("backbone")
    if backbone is None or not replace(study.base.model.backbone, name=str(backbone)).is_swin:
        return both
    return {name: level for name, level in both.items() if name in point or name not in OF_DIFFUSION}
