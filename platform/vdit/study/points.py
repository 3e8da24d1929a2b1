"""The space that a search draws from, and the points it has drawn (runs/studies/<study>/search.json).

A point is an arm like any other: the reference with the levels drawn, named as a grid would name it, so that its trials are shared.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from pathlib import Path
from typing import TypeAlias

from vdit.study import design, explain, feasible
from vdit.study.factors import Factor, crossed, factors, level_name
from vdit.study.spec import Arm, Level, Study

CHECKED = 5000  # points that are tried before anything runs
# A value for each parameter, as the sampler names it: the integer of a range, else the level's name.
Values: TypeAlias = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where ASHA ended the trial of this key, and by which mean loss; its checkpoint stays."""

    key: str
    step: int
    of: int
    loss: float

    @property
    def reason(self) -> str:
        return f"stopped by ASHA at step {self.step} of {self.of}"


@dataclass(frozen=True, slots=True)
class Point:
    """A point as it was drawn."""

    values: Values
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is drawn at once: an axis, or the axes of a group of `zip`. `choices` has each choice's levels; a range's are `ordered`."""

    name: str
    factor: Factor
    ordered: bool

    @property
    def choices(self) -> dict[int | str, tuple[Level, ...]]:
        return {self.choice(point): point for point in self.factor.points}

    def choice(self, point: tuple[Level, ...]) -> int | str:
        return point[0] if self.ordered and isinstance(point[0], int) else " & ".join(map(level_name, point))


class Space:
    """All points. Raises ValueError naming file and key where groups or conditions make no sense."""

    def __init__(self, study: Study) -> None:
        self.study, self.levels = study, design.reference_levels(study)
        ordered = {axis.name for axis in study.axes if axis.ordered}
        found = factors(study, self.levels)
        self.parameters = tuple(
            Parameter(" & ".join(each.names), each, each.names[0] in ordered and len(each.names) == 1) for each in found
        )
        self.ends = [replace(parameter.factor, points=_ends(parameter)) for parameter in self.parameters]

    def arm(self, values: Values) -> Arm:
        """The arm of a point; parameters whose conditions do not hold leave no trace in it."""
        chosen = [_only(parameter.factor, parameter.choices[values[parameter.name]]) for parameter in self.parameters]
        return design.varied(self.study, self.levels, next(crossed(chosen, self.levels)))

    def every(self) -> Iterator[Values]:
        """All points, the last parameter fastest."""
        yield from self._every(self.parameters)

    def holds(self, values: Values) -> bool:
        return values.keys() == {parameter.name for parameter in self.parameters} and all(
            values[parameter.name] in parameter.choices for parameter in self.parameters
        )

    def of(self, arm: Arm) -> Values | None:
        """The point that a written arm is, however it is spelled; None where it is none."""
        base = self.study.base
        (trial,) = design.resolve(base, [arm])
        found: dict[str, int | str] = {}
        for parameter in self.parameters:
            for choice, point in parameter.choices.items():
                added = Arm(arm.name, {**arm.levels, **dict(zip(parameter.factor.names, point, strict=True))})
                if design.resolve(base, [added]) == [trial]:
                    found[parameter.name] = choice
        if len(found) < len(self.parameters) or design.resolve(base, [replace(self.arm(found), name=arm.name)]) != [trial]:
            return None
        return found

    def corners(self) -> list[Arm]:
        """The reference with each level of each parameter once, of a range its ends: with them every level has been seen to run."""
        return [design.varied(self.study, self.levels, point) for factor in self.ends for point in crossed([factor], self.levels) if point]

    def check(self) -> None:
        """Raises ValueError naming file and key where some point, of a range its ends, could never run, or where there are too few points.

        Of a space with more corners than `CHECKED` it tries every level with every level of each other parameter.
        """
        few = prod(len(factor.points) for factor in self.ends) <= CHECKED
        groups: Iterable[Sequence[Factor]] = [self.ends] if few else combinations(self.ends, 2)
        arms = [design.varied(self.study, self.levels, point) for group in groups for point in crossed(group, self.levels) if point]
        feasible.check(self.study.path, arms, design.resolve(self.study.base, arms))
        self._check_size()

    def _check_size(self) -> None:
        assert self.study.search is not None
        wanted = self.study.search.trials
        own = {self.arm(values).name for values in map(self.of, self.study.arms) if values is not None}
        names: set[str] = set()
        for values in self.every():
            names |= {self.arm(values).name} - own
            if len(names) >= wanted:
                return
        message = f"is {wanted}, but the axes have {len(names)} points beside the written arms; lower it, or write design: grid"
        raise explain.complaint(self.study.path, ("search", "trials"), message)

    def _every(self, parameters: Sequence[Parameter]) -> Iterator[dict[str, int | str]]:
        if not parameters:
            yield {}
            return
        *others, last = parameters
        for values in self._every(others):
            for choice in last.choices:
                yield {**values, last.name: choice}


def drawn(study: Study, runs: Path) -> list[Point]:
    """The points in the order they were drawn, without those that the study's axes do not have any more."""
    file = file_of(study, runs)
    if study.search is None or not file.exists():
        return []
    try:
        rows = json.loads(file.read_bytes())["points"]
        points = [Point(row["values"], Stop(**row["stop"]) if row["stop"] else None) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: {error}; remove it, and the search begins anew with the results that there are") from error
    space = Space(study)
    return [point for point in points if space.holds(point.values)]


def arms(study: Study, runs: Path) -> list[Arm]:
    """The arms of the points drawn so far, each once."""
    points = drawn(study, runs)
    if not points:
        return []
    space = Space(study)
    return list({arm.name: arm for arm in (space.arm(point.values) for point in points)}.values())


def undrawn(study: Study, runs: Path) -> int:
    """How many points are still to be drawn; 0 where nothing is searched."""
    return 0 if study.search is None else max(0, study.search.trials - len(drawn(study, runs)))


def stopped(study: Study, runs: Path) -> dict[str, str]:
    """By key, why a point of a search was not trained to its end."""
    return {point.stop.key: point.stop.reason for point in drawn(study, runs) if point.stop}


def file_of(study: Study, runs: Path) -> Path:
    return runs / "studies" / study.study / "search.json"


def _only(factor: Factor, point: tuple[Level, ...]) -> Factor:
    return replace(factor, points=(point,))


def _ends(parameter: Parameter) -> tuple[tuple[Level, ...], ...]:
    points = parameter.factor.points
    return (points[0], points[-1]) if parameter.ordered else points
