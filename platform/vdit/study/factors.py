"""What a design varies: single axes, axes that change together (`zip`), and where an axis varies at all (`when`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vdit.registry import nearest
from vdit.study import explain
from vdit.study.spec import Condition, Level, Study, axis

Levels = Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class Factor:
    """Axes that change together, the points they take, and for other axes the levels at which these ones vary."""

    names: tuple[str, ...]
    points: tuple[tuple[Level, ...], ...]
    where: Mapping[str, frozenset[Level]]


def factors(study: Study, reference: Levels) -> list[Factor]:
    """The factors in the order of `axes`, each after those that its conditions ask about. An axis that does not vary has its level in
    `reference`.

    Raises ValueError naming file and key where groups or conditions make no sense.
    """
    groups = _groups(study)
    found = [Factor(names, _points(study, names), _where(study, names, reference)) for names in groups]
    return _in_order(study, found)


def crossed(factors: Sequence[Factor], reference: Levels, chosen: Levels | None = None) -> Iterator[Levels]:
    """Every combination of the factors' points once, the last factor fastest; a factor whose conditions do not hold is left out."""
    chosen = chosen or {}
    if not factors:
        yield chosen
        return
    first, *rest = factors
    if all(chosen.get(on, reference.get(on)) in levels for on, levels in first.where.items()):
        for point in first.points:
            yield from crossed(rest, reference, {**chosen, **dict(zip(first.names, point, strict=True))})
    else:
        yield from crossed(rest, reference, chosen)


def level_name(level: Level) -> str:
    """As an arm's name has it: 50, image+text, in+up2."""
    return "+".join(level) if isinstance(level, tuple) else str(level)


def _groups(study: Study) -> list[tuple[str, ...]]:
    """The axes as they are written; those of a group stand where its first one does."""
    known = [varied.name for varied in study.axes]
    group: dict[str, tuple[str, ...]] = {}
    for position, names in enumerate(study.zip):
        for name in names:
            if name not in known:
                raise explain.complaint(study.path, ("zip", position), f"{name!r} is not among axes; {nearest(name, known)}")
            if name in group:
                raise explain.complaint(study.path, ("zip", position), f"{name!r} is in two groups; keep it in one")
            group[name] = names
    return list(dict.fromkeys(group.get(name, (name,)) for name in known))


def _points(study: Study, names: tuple[str, ...]) -> tuple[tuple[Level, ...], ...]:
    levels = {varied.name: varied.levels for varied in study.axes}
    if len({len(levels[name]) for name in names}) > 1:
        counts = ", ".join(f"{name} has {len(levels[name])}" for name in names)
        place = ("zip", study.zip.index(names))
        raise explain.complaint(study.path, place, f"axes that change together need equally many levels; {counts}")
    return tuple(zip(*(levels[name] for name in names), strict=True))


def _where(study: Study, names: tuple[str, ...], reference: Levels) -> dict[str, frozenset[Level]]:
    known = [varied.name for varied in study.axes]
    where: dict[str, frozenset[Level]] = {}
    for condition in study.when:
        if condition.axis not in known:
            message = f"{condition.axis!r} is not among axes; {nearest(condition.axis, known)}"
            raise explain.complaint(study.path, ("when", condition.axis), message)
        if condition.axis in names and condition.on in names:
            message = "an axis cannot depend on itself, nor on one that it changes together with; name another"
            raise explain.complaint(study.path, ("when", condition.axis, condition.on), message)
        if condition.axis in names:
            met = _met(study, condition, reference)
            where[condition.on] = where.get(condition.on, met) & met
    return where


def _met(study: Study, condition: Condition, reference: Levels) -> frozenset[Level]:
    """Those of the levels that arms can have, that the condition names, in whatever spelling."""
    place = ("when", condition.axis, condition.on)
    varied = next((varied.levels for varied in study.axes if varied.name == condition.on), ())
    possible = [*varied, *([reference[condition.on]] if condition.on in reference else [])]
    if not possible:
        message = f"no axis varies {condition.on!r} and the reference names no level of it; add it to axes, or to the reference arm"
        raise explain.complaint(study.path, place, message)
    apply = axis(condition.on).apply
    met: set[Level] = set()
    for wanted in condition.levels:
        same = {level for level in possible if apply(study.base, level) == apply(study.base, wanted)}
        if not same:
            hint = nearest(level_name(wanted), map(level_name, possible))
            raise explain.complaint(study.path, place, f"no arm has level {level_name(wanted)!r}; {hint}")
        met |= same
    return frozenset(met)


def _in_order(study: Study, factors: Sequence[Factor]) -> list[Factor]:
    ordered: list[Factor] = []
    left = list(factors)
    while left:
        waiting = {name for factor in left for name in factor.names}
        ready = next((factor for factor in left if not waiting & factor.where.keys()), None)
        if ready is None:
            circle = ", ".join(factor.names[0] for factor in left)
            raise explain.complaint(study.path, ("when",), f"the conditions of {circle} wait for one another; drop one")
        ordered.append(ready)
        left.remove(ready)
    return ordered
