"""Every family by file name: each member has what its siblings have, is documented, and is found without being registered."""

import inspect
from pathlib import Path

import pytest

from vdit import registry

# "a | b" is either: a command that has others below it is a group.
FAMILIES = {
    "axes": ("apply", "Level"),
    "backbones": ("load",),
    "benchmarks": ("locate", "read", "splits"),
    "metrics": ("measure", "UNIT"),
    "commands": ("command | group",),
    "vdit.pretrain.stages": ("run",),
    "vdit_analysis.tables": ("MEASURE", "PUBLISHED", "TITLE", "SOURCE", "build"),
    "vdit_analysis.figures": ("MEASURE", "TITLE", "SOURCE", "build", "draw"),
}
MEMBERS = [(family, name) for family in FAMILIES for name in registry.members(family)]


def test_no_family_is_empty() -> None:
    assert {family for family, _ in MEMBERS} == set(FAMILIES)


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_a_member_has_what_its_siblings_have(family: str, name: str) -> None:
    member = registry.find(family, name)
    assert member.__doc__
    for public in FAMILIES[family]:
        assert any(hasattr(member, either) for either in public.split(" | ")), f"{family}/{name}.py lacks {public}"


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_siblings_take_the_same_arguments(family: str, name: str) -> None:
    """Options of commands and quantities of metrics differ by nature."""
    for public in {"apply", "load", "locate", "read", "splits", "build", "run"} & set(FAMILIES[family]):
        first = registry.find(family, registry.members(family)[0])
        mine = inspect.signature(getattr(registry.find(family, name), public)).parameters
        assert list(mine) == list(inspect.signature(getattr(first, public)).parameters), f"{family}/{name}.{public}"


def test_a_new_file_is_a_member_and_hidden_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "a_project" / "a_family"
    package.mkdir(parents=True)
    for name in ("__init__", "_hidden", "first_one"):
        (package / f"{name}.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.members("a_project.a_family") == ("first_one",)
    assert registry.find("a_project.a_family", "first-one").VALUE == 1


def test_a_typo_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'prompt'"):
        registry.find("axes", "promtp")
    with pytest.raises(ValueError, match="known: "):
        registry.find("axes", "zzz")
