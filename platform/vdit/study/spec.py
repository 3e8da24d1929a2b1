"""A study: YAML to a validated, frozen description. Everything that can be wrong with it is found here, before anything runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from vdit.config.shipped import PREFIX
from vdit.config.strict import STRICT
from vdit.config.trial import Trial
from vdit.registry import find, members
from vdit.study import consistent, document, explain
from vdit.study.budget import Budget
from vdit.study.locate import resolve
from vdit.study.preset import Estimate, base_trial
from vdit.study.search import Range, Search

Level: TypeAlias = str | int | tuple[str, ...]
DesignName = Literal["listed", "grid", "one-factor", "leave-one-out", "paired", "search"]
SECTIONS = ("model", "data", "train", "evaluate", "launch")
Measure = Literal["sota", "sentences", "components", "images", "consistency", "quality", "drift", "light", "clusters"]


def _name(word: str) -> str:
    """A name becomes a folder or a tag."""
    if (
        not word.strip()
        or word != word.strip()
        or word.startswith(".")
        or any(letter in "/\\" or not letter.isprintable() for letter in word)
    ):
        raise ValueError(f"{word!r} is no name: it may not be empty, start with a dot, or hold / \\ or control characters; choose another")
    return word


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{value!r} is there twice; each counts once")
        seen.add(value)
    return values


def _together(names: tuple[str, ...]) -> tuple[Any, ...]:
    if len(names) < 2:
        raise ValueError("a group needs two axes or more that change together; add one, or drop the group")
    return _distinct(names)


Name = Annotated[str, AfterValidator(_name)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


@checked(frozen=True, kw_only=True, config=STRICT)
class StudyFile:
    """The keys of a study file. `estimate` and the sections `model` to `launch` overlay the preset's; `start` names a study to go on from.

    The axes of a group of `zip` change together; an axis that `when` names varies only where the axes below it have one of their levels.
    `methods` are those that were not trained here but scored and logged: the tables show them beside the arms.
    `budget` is what the study may cost. `allow_noop` are arms that may do in their first step just what the reference does.
    """

    study: Name
    preset: Name
    start: str = ""
    design: DesignName = "listed"
    reference: str = ""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0,)
    arms: dict[Name, dict[str, Any]] = field(default_factory=dict)
    axes: dict[str, Any] = field(default_factory=dict)
    zip: tuple[Annotated[tuple[str, ...], AfterValidator(_together)], ...] = ()
    when: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    measure: Annotated[tuple[Measure, ...], AfterValidator(_distinct)] = ()
    methods: Annotated[tuple[Name, ...], AfterValidator(_distinct)] = ()
    allow_noop: Annotated[tuple[Name, ...], AfterValidator(_distinct)] = ()
    search: Search | None = None
    model: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    evaluate: dict[str, Any] = field(default_factory=dict)
    launch: dict[str, Any] = field(default_factory=dict)
    estimate: dict[str, Any] = field(default_factory=dict)
    budget: Budget = Budget()


@dataclass(frozen=True, slots=True)
class Arm:
    """A name and the levels that set it apart from the preset."""

    name: str
    levels: Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis and the levels that a design varies it over, no two of them equal. Those of a range are `ordered`, and as far apart."""

    name: str
    levels: tuple[Level, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """`axis` varies only where the axis `on` has one of `levels`."""

    axis: str
    on: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """A study as its design needs it. `base` is the preset with the study's overrides: what every arm starts from.

    `reference` is "" where the file names none: then the first arm of the design is the reference. `start` is the study whose trials, of
    the same arms and seeds, these go on from; "" where there is none.
    """

    path: Path
    study: str
    preset: str
    start: str
    design: DesignName
    reference: str
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    axes: tuple[Axis, ...]
    zip: tuple[tuple[str, ...], ...]
    when: tuple[Condition, ...]
    measure: tuple[Measure, ...]
    methods: tuple[str, ...]
    allow_noop: tuple[str, ...]
    search: Search | None
    base: Trial
    estimate: Estimate
    budget: Budget


def read(name_or_path: str, *, data: Path | None = None, weights: str | Path | None = None, start: Path | None = None) -> Study:
    """The study of a file; `data`, `weights` (a folder, `shipped:NAME`, or "" for random ones) and `start` replace what it names.

    Raises ValueError with file, key path and remedy.
    """
    path = resolve(name_or_path)
    text = document.read(path)
    try:
        file = _files().validate_json(json.dumps(text))
    except ValidationError as error:
        raise explain.of_section(error, path, StudyFile) from error
    overrides: dict[str, Any] = {name: text[name] for name in (*SECTIONS, "estimate") if name in text}
    base, estimate = base_trial(path, file.preset, overrides)
    for name, place in (("data", data), ("weights", weights), ("start", start)):
        if place is not None:
            # Workers start in folders of their own.
            given = str(Path(place).resolve()) if str(place) and not str(place).startswith(PREFIX) else str(place)
            base = replace(base, launch=replace(base.launch, **{name: given}))  # type: ignore[arg-type]
    arms = tuple(Arm(name, _levels(path, ("arms", name), levels)) for name, levels in file.arms.items())
    axes = tuple(_axis(path, name, levels) for name, levels in file.axes.items())
    when = tuple(
        Condition(name, on, _axis_levels(path, ("when", name, on), on, levels))
        for name, conditions in file.when.items()
        for on, levels in conditions.items()
    )
    consistent.check(path, file, base)
    return Study(
        path=path,
        study=file.study,
        preset=file.preset,
        start=file.start,
        design=file.design,
        reference=file.reference,
        seeds=file.seeds,
        arms=arms,
        axes=axes,
        zip=file.zip,
        when=when,
        measure=file.measure,
        methods=file.methods,
        allow_noop=file.allow_noop,
        search=file.search,
        base=base,
        estimate=estimate,
        budget=file.budget,
    )


@cache
def axis(name: str) -> ModuleType:
    """The file of vdit/axes; looked up once, because a plan applies it thousands of times."""
    return find("axes", name)


def level_of(path: Path, keys: explain.Keys, name: str, value: Any) -> Level:
    """`value`, as YAML has it, as a level of the axis `name`; levels that mean the same become equal."""
    if name not in _axes():
        raise explain.unknown(path, keys, "axis", name, _axes())
    try:
        level: Level = _adapter(name).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise explain.of_level(error, path, keys) from error
    return level


def _levels(path: Path, keys: tuple[str, ...], levels: Mapping[str, Any]) -> dict[str, Level]:
    return {name: level_of(path, (*keys, name), name, value) for name, value in levels.items()}


def _axis(path: Path, name: str, given: Any) -> Axis:
    keys = ("axes", name)
    if isinstance(given, list):
        return Axis(name, _axis_levels(path, keys, name, given))
    if not isinstance(given, dict):
        raise explain.complaint(path, keys, f"should be a list, or a range {{low: 0, high: 300, step: 50}}, is {given!r}")
    try:
        span = TypeAdapter(Range).validate_json(json.dumps(given))
    except ValidationError as error:
        raise explain.of_section(error, path, Range, keys) from error
    _axis_levels(path, keys, name, [span.low, span.high])
    return Axis(name, tuple(range(span.low, span.high + 1, span.step)), ordered=True)


def _axis_levels(path: Path, keys: tuple[str, ...], name: str, values: list[Any]) -> tuple[Level, ...]:
    if name not in _axes():
        raise explain.unknown(path, keys, "axis", name, _axes())
    levels = tuple(level_of(path, (*keys, position), name, value) for position, value in enumerate(values))
    if not levels:
        raise explain.complaint(path, keys, "no level is listed; list at least one, or drop the axis")
    try:
        return _distinct(levels)
    except ValueError as error:
        raise explain.complaint(path, keys, str(error)) from error


@cache
def _files() -> TypeAdapter[StudyFile]:
    return TypeAdapter(StudyFile)


@cache
def _axes() -> tuple[str, ...]:
    return members("axes")


@cache
def _adapter(name: str) -> TypeAdapter[Level]:
    return TypeAdapter(axis(name).Level)
