"""What every file of vdit/axes has to be; members are found by themselves."""

import ast
import json
from dataclasses import replace
from inspect import getsource, signature
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.config.model import Head, Model
from vdit.config.train import Train
from vdit.config.trial import Launch, Trial, from_json, to_json
from vdit.registry import find, members

# Two levels of each axis as YAML has them. A new axis adds a line.
LEVELS: dict[str, tuple[Any, Any]] = {
    "prompt": ("text", "image"),
    "noise": ("gaussian", "predicted"),
    "timestep": (50, 999),
    "taps": (["in", "mid"], "released"),
    "backbone": ("random-stable-diffusion", "video-swin"),
    "head": ("sgmg", "vdit"),
    "frames": (1, 8),
}
TRIAL = Trial(arm="a", seed=3)
OTHER = Trial(
    arm="b",
    seed=4,
    model=Model(head=Head(queries=3)),
    data=Data(seed=1),
    train=Train(epochs=1),
    evaluate=Evaluate(threshold=0.4),
    launch=Launch(workers=2),
)


def level(name: str, value: Any) -> Any:
    return TypeAdapter(find("axes", name).Level).validate_json(json.dumps(value), strict=True)


def test_every_axis_has_its_levels_here() -> None:
    assert set(LEVELS) == set(members("axes"))


@pytest.mark.parametrize("name", members("axes"))
class TestAxis:
    def test_it_has_exactly_two_public_names_and_says_what_it_is(self, name: str) -> None:
        module = find("axes", name)
        body = ast.parse(getsource(module)).body
        made = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        made += [target.id for node in body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)]
        made += [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
        assert sorted(word for word in made if not word.startswith("_")) == ["Level", "apply"]
        assert list(signature(module.apply).parameters) == ["trial", "level"]
        assert module.__doc__

    def test_applying_a_level_twice_is_applying_it_once_and_the_last_level_wins(self, name: str) -> None:
        apply, (one, two) = find("axes", name).apply, [level(name, value) for value in LEVELS[name]]
        assert apply(apply(TRIAL, one), one) == apply(TRIAL, one) == apply(apply(TRIAL, two), one)
        assert apply(TRIAL, one) != apply(TRIAL, two)

    def test_it_changes_model_or_data_alone_by_what_is_in_there_alone(self, name: str) -> None:
        apply, (one, two) = find("axes", name).apply, [level(name, value) for value in LEVELS[name]]
        varied = apply(TRIAL, one)
        section = "data" if varied.model is TRIAL.model else "model"
        assert replace(varied, **{section: getattr(TRIAL, section)}) == TRIAL
        assert Trial(arm="a", seed=3) == TRIAL  # the given one is left alone
        for value in (one, two):
            elsewhere = apply(replace(OTHER, **{section: getattr(TRIAL, section)}), value)
            assert getattr(elsewhere, section) == getattr(apply(TRIAL, value), section)

    def test_the_result_is_a_valid_trial(self, name: str) -> None:
        for value in LEVELS[name]:
            varied = find("axes", name).apply(TRIAL, level(name, value))
            assert from_json(to_json(varied)) == varied

    @pytest.mark.parametrize("wrong", [None, True, 1.5, "", "x", [], ["x"], {}, -1, 10**6, "1"], ids=repr)
    def test_levels_of_another_type_are_refused(self, name: str, wrong: Any) -> None:
        with pytest.raises(ValidationError):
            level(name, wrong)

    def test_axes_commute(self, name: str) -> None:
        for other in members("axes"):
            if other != name:
                mine, its = level(name, LEVELS[name][0]), level(other, LEVELS[other][0])
                one, two = find("axes", name).apply, find("axes", other).apply
                assert one(two(TRIAL, its), mine) == two(one(TRIAL, mine), its)


def test_the_backbones_of_the_axis_are_the_files() -> None:
    levels = get_args(find("axes", "backbone").Level)
    assert sorted(name.replace("-", "_") for name in levels) == sorted(members("backbones"))
