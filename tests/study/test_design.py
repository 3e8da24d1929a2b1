"""Oracle: brute force over sets of levels."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from vdit.study import design, spec
from vdit.study.spec import Arm

HEAD = "study: demo\npreset: small\n"
AXES = {"timestep": [0, 50, 100], "noise": ["gaussian", "predicted"], "taps": ["released", ["in"], ["up2", "in"]]}


def read(write: Callable[[str], Path], text: str) -> spec.Study:
    write(HEAD + text)
    return spec.read("demo")


def test_listed_arms_are_as_written_but_the_reference_is_first(write: Callable[[str], Path]) -> None:
    study = read(write, "reference: c\narms: {a: {}, b: {prompt: text}, c: {prompt: image}}\n")
    assert [arm.name for arm in design.arms(study)] == ["c", "a", "b"]


def test_without_a_reference_the_first_arm_is_it(write: Callable[[str], Path]) -> None:
    study = read(write, "arms: {b: {}, a: {prompt: text}}\n")
    assert [arm.name for arm in design.arms(study)] == ["b", "a"]


def test_a_grid_has_every_combination_once(write: Callable[[str], Path]) -> None:
    study = read(write, f"design: grid\naxes: {AXES}\n")
    found = [tuple(arm.levels.values()) for arm in design.arms(study)]
    assert sorted(map(str, found)) == sorted(
        map(str, product([0, 50, 100], ["gaussian", "predicted"], ["released", ("in",), ("in", "up2")]))
    )
    assert len(set(found)) == 18


def test_a_grid_point_is_named_by_its_levels_and_can_be_the_reference(write: Callable[[str], Path]) -> None:
    study = read(
        write, "design: grid\nreference: 'prompt=text, noise=predicted'\naxes: {prompt: [image, text], noise: [gaussian, predicted]}\n"
    )
    assert [arm.name for arm in design.arms(study)] == [
        "prompt=text, noise=predicted", "prompt=image, noise=gaussian", "prompt=image, noise=predicted", "prompt=text, noise=gaussian",
    ]  # fmt: skip


def test_points_of_a_grid_have_the_written_references_other_levels(write: Callable[[str], Path]) -> None:
    study = read(write, "design: grid\nreference: VD-T\narms: {VD-T: {prompt: text, timestep: 7}}\naxes: {timestep: [1, 2]}\n")
    assert design.arms(study) == [
        Arm("VD-T", {"prompt": "text", "timestep": 7}),
        Arm("timestep=1", {"prompt": "text", "timestep": 1}),
        Arm("timestep=2", {"prompt": "text", "timestep": 2}),
    ]


def test_one_factor_is_the_reference_and_every_other_level_alone(write: Callable[[str], Path]) -> None:
    study = read(write, f"design: one-factor\nreference: VD-IT\narms: {{VD-IT: {{noise: predicted}}}}\naxes: {AXES}\n")
    arms = design.arms(study)
    # The reference is at timestep 0 and the released taps by default, and says that its noise is predicted.
    assert [arm.name for arm in arms] == ["VD-IT", "timestep=50", "timestep=100", "noise=gaussian", "taps=in", "taps=in+up2"]
    trials = [replace(trial, arm="") for trial in design.resolve(study.base, arms)]
    for trial in trials[1:]:
        parts = [trial.model.diffusion, trial.model.noise, trial.model.pyramid]
        same = [trials[0].model.diffusion, trials[0].model.noise, trials[0].model.pyramid]
        assert sum(one != other for one, other in zip(parts, same, strict=True)) == 1


def test_levels_are_applied_under_the_arms_name_and_the_base_is_left_alone(write: Callable[[str], Path]) -> None:
    study = read(write, "arms: {a: {prompt: text, timestep: 5, frames: 2}, b: {prompt: text}}\n")
    one, two = design.resolve(study.base, study.arms)
    assert (one.arm, one.model.prompt.kind, one.model.diffusion.timestep, one.data.frames) == ("a", "text", 5, 2)
    assert (two.arm, two.model.prompt.kind, two.model.diffusion.timestep, two.data.frames) == ("b", "text", 0, 5)
    assert study.base.model.prompt.kind == "image+text"


def test_whatever_arms_share_each_is_the_base_with_its_levels_one_after_the_other(write: Callable[[str], Path]) -> None:
    mixed = "arms: {a: {frames: 2, timestep: 5}, b: {timestep: 5, prompt: text}, c: {prompt: text, frames: 2, timestep: 5}, d: {}}\n"
    study = read(write, f"design: grid\n{mixed}axes: {{timestep: [0, 5], frames: [2, 3], prompt: [text, image], head: [vdit]}}\n")
    arms = design.arms(study)
    for arm, trial in zip(arms, design.resolve(study.base, arms), strict=True):
        expected = study.base
        for name, level in arm.levels.items():
            expected = spec.axis(name).apply(expected, level)
        assert trial == replace(expected, arm=arm.name)


def test_sections_of_the_same_levels_are_one_object_and_those_that_no_level_changes_the_bases(write: Callable[[str], Path]) -> None:
    study = read(write, "design: grid\naxes: {timestep: [0, 5, 9], frames: [2, 3], prompt: [text, image]}\n")
    trials = design.resolve(study.base, design.arms(study))
    assert [len({id(getattr(trial, name)) for trial in trials}) for name in ("model", "data", "train")] == [6, 2, 1]
    assert trials[0].train is study.base.train


def test_a_written_arm_may_not_have_the_name_of_a_generated_one(write: Callable[[str], Path]) -> None:
    study = read(write, "design: grid\narms: {timestep=5: {prompt: text}}\naxes: {timestep: [5, 6]}\n")
    with pytest.raises(ValueError, match=r"demo\.yaml: arms\.timestep=5: the design makes an arm of this name too"):
        design.arms(study)


def test_a_reference_that_the_grid_does_not_have_names_the_nearest(write: Callable[[str], Path]) -> None:
    study = read(write, "design: grid\nreference: timestep=7\naxes: {timestep: [5, 6]}\n")
    with pytest.raises(ValueError, match="reference: unknown arm 'timestep=7'; did you mean 'timestep="):
        design.arms(study)


def test_leave_one_out_is_the_reference_and_each_component_gone_alone(write: Callable[[str], Path]) -> None:
    study = read(
        write,
        "design: leave-one-out\nreference: VD-IT\narms: {VD-IT: {noise: predicted, prompt: image+text}}\n"
        "axes: {noise: [none], prompt: [text], timestep: [300], taps: [[in]]}\nzip: [[timestep, taps]]\n",
    )
    full: dict[str, spec.Level] = {"noise": "predicted", "prompt": "image+text"}
    assert design.arms(study) == [
        Arm("VD-IT", full),
        Arm("without noise", {**full, "noise": "none"}),
        Arm("without prompt", {**full, "prompt": "text"}),
        Arm("without timestep and taps", {**full, "timestep": 300, "taps": ("in",)}),
    ]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ("{noise: [none, gaussian]}", "axes.noise: has 2 levels; keep the one without the component, or write design: one-factor"),
        ("{noise: [predicted]}", "axes.noise: the reference has this level too, so that nothing is left out"),
        ("{timestep: [0]}", "axes.timestep: the reference has this level too"),
    ],
)
def test_leaving_out_nothing_or_in_two_ways_is_refused(write: Callable[[str], Path], axes: str, said: str) -> None:
    study = read(write, f"design: leave-one-out\nreference: A\narms: {{A: {{noise: predicted}}}}\naxes: {axes}\n")
    with pytest.raises(ValueError) as error:
        design.arms(study)
    assert str(error.value).startswith(f"experiments/demo.yaml: {said}")


def test_paired_axes_are_one_arm_a_position(write: Callable[[str], Path]) -> None:
    study = read(
        write,
        "design: paired\nreference: A\narms: {A: {prompt: text}}\naxes: {timestep: [0, 9], frames: [1, 2]}\nzip: [[timestep, frames]]\n",
    )
    assert design.arms(study) == [
        Arm("A", {"prompt": "text"}),
        Arm("timestep=0, frames=1", {"prompt": "text", "timestep": 0, "frames": 1}),
        Arm("timestep=9, frames=2", {"prompt": "text", "timestep": 9, "frames": 2}),
    ]


def test_paired_axes_are_one_factor_of_one_factor(write: Callable[[str], Path]) -> None:
    study = read(
        write,
        "design: one-factor\nreference: A\narms: {A: {frames: 2}}\n"
        "axes: {timestep: [0, 9, 7], noise: [none], frames: [2, 3, 4]}\nzip: [[timestep, frames]]\n",
    )
    # The first point is the reference itself, whose timestep is 0 by default.
    assert [arm.name for arm in design.arms(study)] == ["A", "timestep=9, frames=3", "timestep=7, frames=4", "noise=none"]


def test_where_an_axis_does_not_vary_it_has_the_references_level(write: Callable[[str], Path]) -> None:
    study = read(
        write,
        "design: grid\nreference: A\narms: {A: {backbone: miniature, timestep: 5}}\n"
        "axes: {backbone: [miniature, random], timestep: [5, 9]}\nwhen: {timestep: {backbone: [miniature]}}\n",
    )
    arms = {arm.name: arm.levels for arm in design.arms(study)}
    assert list(arms) == ["A", "backbone=miniature, timestep=5", "backbone=miniature, timestep=9", "backbone=random"]
    assert arms["backbone=random"] == {"backbone": "random", "timestep": 5}


def test_a_point_drops_what_the_reference_says_of_diffusion_where_its_backbone_has_none(write: Callable[[str], Path]) -> None:
    study = read(
        write,
        "design: grid\nreference: A\narms: {A: {backbone: modelscope, prompt: text, frames: 3}}\n"
        "axes: {backbone: [modelscope, video-swin], timestep: [5, 9]}\nwhen: {timestep: {backbone: [modelscope]}}\n",
    )
    assert [arm.levels for arm in design.arms(study) if arm.name == "backbone=video-swin"] == [{"backbone": "video-swin", "frames": 3}]
