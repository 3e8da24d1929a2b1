"""What is rehearsed, when, and which arms are no-ops: markers written here by hand are what rehearsals found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vdit.study import plan, spec
from vdit.study.rehearsal import Stage, shortened
from vdit.train.folder import write_json

STUDY = """
study: demo
preset: small
reference: VD-IT
seeds: [0, 1]
arms: {VD-T: {prompt: text}, VD-IT: {}, longer: {frames: 7}, other: {head: sgmg}}
"""
FIRST = {"losses": {"loss": 2.5, "loss_ce": 0.25}, "gradients": {"head.a": 0.5, "head.b": 2.0}}


def stage(write: Callable[[str], Path], text: str = STUDY, workers: int = 1) -> Stage:
    write(text)
    made = plan.build(spec.read("demo"), Path("runs"))
    return Stage(made, made.missing, Path("runs"), workers)


def mark(found: Stage, **first: Any) -> None:
    """All arms took the step `FIRST`, but those that are given another."""
    for planned in found.cast():
        it = first.get(planned.trial.arm.replace("-", "_"), FIRST)
        write_json(found.file_of(planned), found.found(planned, {"seconds": 1.0, "metrics": {"jf": 1.0}, "first": it}))


def test_every_arm_once_with_its_first_seed_and_the_reference_first(write: Callable[[str], Path]) -> None:
    due = stage(write).due()
    assert [(planned.trial.arm, planned.trial.seed) for planned in due] == [("VD-IT", 0), ("VD-T", 0), ("longer", 0), ("other", 0)]


def test_nothing_is_rehearsed_twice_but_in_another_shape(write: Callable[[str], Path]) -> None:
    found = stage(write)
    mark(found)
    assert found.due() == []
    assert len(stage(write, workers=2).due()) == 4
    assert [planned.trial.arm for planned in stage(write, STUDY.replace("prompt: text", "prompt: image")).due()] == ["VD-T"]


def test_where_nothing_is_to_run_nothing_is_rehearsed(write: Callable[[str], Path]) -> None:
    found = stage(write)
    assert Stage(found.plan, (), found.runs, 1).due() == []


def test_one_step_one_level_of_light_one_clip_and_the_arm_as_it_is(write: Callable[[str], Path]) -> None:
    trial = stage(write).plan.trials[1].trial
    short = shortened(trial, Path("data"), Path("weights"))
    assert (short.train.max_steps, len(short.evaluate.light), short.evaluate.light_draws, short.evaluate.drift_clips) == (1, 1, 1, 1)
    assert (short.model, short.data, short.train.batch, short.launch.data) == (trial.model, trial.data, trial.train.batch, "data")


def test_an_arm_that_changes_only_the_model_and_not_the_first_step_is_a_noop(write: Callable[[str], Path]) -> None:
    found = stage(write)
    rounding = {**FIRST, "gradients": {"head.a": 0.5 * (1 + 1e-6), "head.b": 2.0}}
    mark(found, VD_T=rounding, other={**FIRST, "losses": {"loss": 2.5, "loss_ce": 0.26}})
    (said,) = found.noops()
    assert said == (
        "arm 'VD-T' is a no-op: with prompt text for the preset's level the losses and gradients of the first step are those of 'VD-IT'; "
        "drop it, or list it under allow_noop"
    )


DIFFERENT = {
    "another gradient": {**FIRST, "gradients": {"head.a": 0.51, "head.b": 2.0}},
    "a gradient where there was none": {**FIRST, "gradients": {**FIRST["gradients"], "head.c": 1e-9}},
    "no step at all": None,
}


@pytest.mark.parametrize("first", DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_anywhere_is_no_noop(write: Callable[[str], Path], first: Any) -> None:
    found = stage(write)
    mark(found, VD_T=first, other=first)
    assert found.noops() == []


def test_a_noop_may_be_allowed_by_name_and_the_name_must_be_an_arms(write: Callable[[str], Path]) -> None:
    found = stage(write, STUDY + "allow_noop: [VD-T, other]\n")
    mark(found)
    assert found.noops() == []
    with pytest.raises(ValueError, match=r"allow_noop: unknown arm 'VD-TT'; did you mean 'VD-T'\?"):
        stage(write, STUDY + "allow_noop: [VD-TT]\n")


def test_of_a_search_the_arms_that_are_rehearsed_may_be_allowed(write: Callable[[str], Path]) -> None:
    """The written ones, and the reference with each level alone."""
    text = "study: demo\npreset: small\ndesign: search\nsearch: {trials: 1}\nreference: a\narms: {a: {}}\naxes: {timestep: [0, 5]}\n"
    stage(write, text + "allow_noop: [a, timestep=5]\n")
    with pytest.raises(ValueError, match=r"allow_noop: unknown arm 'timestep=6'; did you mean 'timestep=[05]'\?"):
        stage(write, text + "allow_noop: [timestep=6]\n")


def test_a_search_for_what_is_not_measured_is_refused(write: Callable[[str], Path]) -> None:
    text = "study: demo\npreset: small\ndesign: search\nreference: a\narms: {a: {}}\naxes: {timestep: [0, 5]}\n"
    found = stage(write, text + "search: {trials: 1, metric: mean_iou}\n")
    mark(found)
    assert found.unmeasured() == ["search.metric 'mean_iou' is not measured on miniature, which has jf"]
    found = stage(write, text + "search: {trials: 1}\n")
    assert found.unmeasured() == []


def test_a_search_whose_reference_is_done_is_for_what_that_has_measured(write: Callable[[str], Path]) -> None:
    """Without its rehearsal, or by code whose results are accepted: there is no marker of it."""
    text = "study: demo\npreset: small\ndesign: search\nreference: a\narms: {a: {}}\naxes: {timestep: [0, 5]}\n"
    result = Path("runs/trials") / stage(write, text + "search: {trials: 1}\n").plan.trials[0].folder / "result.json"
    result.parent.mkdir(parents=True)
    result.write_text('{"metrics": {"jf": 1.0, "j": 2.0}}')
    found = stage(write, text + "search: {trials: 1, metric: mean_iou}\n")
    assert found.unmeasured() == ["search.metric 'mean_iou' is not measured on miniature, which has j, jf"]
    assert stage(write, text + "search: {trials: 1, metric: j}\n").unmeasured() == []
