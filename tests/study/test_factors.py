"""Oracle: brute force over all combinations of levels, thinned by the conditions in plain words."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from vdit.study import spec
from vdit.study.factors import crossed, factors, level_name

HEAD = "study: demo\npreset: small\n"
Write = Callable[[str], Path]


def points(write: Write, text: str) -> list[dict[str, object]]:
    write(HEAD + text)
    study = spec.read("demo")
    levels = next((arm.levels for arm in study.arms if arm.name == study.reference), {})
    return [dict(point) for point in crossed(factors(study, levels), levels)]


def test_without_groups_and_conditions_it_is_the_product_the_last_axis_fastest(write: Write) -> None:
    found = points(write, "design: grid\naxes: {timestep: [5, 0], prompt: [text, image], frames: [1, 2]}\n")
    assert [tuple(point.values()) for point in found] == list(product((5, 0), ("text", "image"), (1, 2)))


def test_axes_of_a_group_walk_together_and_are_crossed_with_the_others(write: Write) -> None:
    axes = "{timestep: [5, 0, 7], prompt: [text, image], frames: [1, 2, 3], noise: [none, gaussian]}"
    found = points(write, f"design: paired\naxes: {axes}\nzip: [[frames, timestep]]\n")
    expected = [
        {"timestep": t, "frames": f, "prompt": p, "noise": n}
        for t, f in zip((5, 0, 7), (1, 2, 3), strict=True)
        for p in ("text", "image")
        for n in ("none", "gaussian")
    ]
    assert found == expected


def test_two_groups_are_crossed(write: Write) -> None:
    axes = "{timestep: [5, 0], prompt: [text, image], frames: [1, 2], noise: [none, gaussian]}"
    found = points(write, f"design: paired\naxes: {axes}\nzip: [[timestep, noise], [frames, prompt]]\n")
    pairs = product(zip((5, 0), ("none", "gaussian"), strict=True), zip((1, 2), ("text", "image"), strict=True))
    assert [(p["timestep"], p["noise"], p["frames"], p["prompt"]) for p in found] == [(*one, *two) for one, two in pairs]


def test_a_conditional_axis_varies_only_there_and_no_point_is_there_twice(write: Write) -> None:
    axes = "{head: [vdit, sgmg], backbone: [modelscope, random, video-swin], timestep: [0, 9], noise: [none, gaussian]}"
    when = "{head: {backbone: [modelscope, video-swin]}, timestep: {backbone: [modelscope, random], head: [vdit]}}"
    found = points(write, f"design: grid\nreference: R\narms: {{R: {{head: vdit}}}}\naxes: {axes}\nwhen: {when}\n")
    expected = set()
    for head, backbone, timestep, noise in product(("vdit", "sgmg"), ("modelscope", "random", "video-swin"), (0, 9), ("none", "gaussian")):
        point: dict[str, object] = {"backbone": backbone, "noise": noise}
        if backbone != "random":
            point["head"] = head
        # Where `head` does not vary it is the reference's, vdit.
        if backbone != "video-swin" and point.get("head", "vdit") == "vdit":
            point["timestep"] = timestep
        expected.add(frozenset(point.items()))
    assert {frozenset(point.items()) for point in found} == expected
    assert len(found) == len(expected)


def test_a_condition_can_ask_about_an_axis_that_only_the_reference_names(write: Write) -> None:
    arms = "reference: R\narms: {R: {prompt: text}}\naxes: {timestep: [0, 9], frames: [1, 2]}\n"
    assert len(points(write, f"design: grid\n{arms}when: {{timestep: {{prompt: [text]}}}}\n")) == 4


def test_a_condition_knows_a_level_by_either_spelling(write: Write) -> None:
    released = "[in, up2, down0, up1, down1, up0]"
    found = points(write, f"design: grid\naxes: {{taps: [released, [in]], frames: [1, 2]}}\nwhen: {{frames: {{taps: [{released}]}}}}\n")
    assert [point.get("frames") for point in found] == [1, 2, None]


GRID = "design: grid\naxes: {timestep: [0, 9], frames: [1, 2], noise: [none]}\n"
PAIRED = GRID.replace("grid", "paired")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAIRED + "zip: [[timestep, frame]]", "zip.0: 'frame' is not among axes; did you mean 'frames'?"),
        (PAIRED + "zip: [[timestep, frames], [noise, frames]]", "zip.1: 'frames' is in two groups; keep it in one"),
        (PAIRED + "zip: [[timestep, noise]]", "zip.0: axes that change together need equally many levels; timestep has 2, noise has 1"),
        (GRID + "when: {frame: {noise: [none]}}", "when.frame: 'frame' is not among axes; did you mean 'frames'?"),
        (GRID + "when: {frames: {frames: [1]}}", "when.frames.frames: an axis cannot depend on itself"),
        (
            PAIRED + "zip: [[timestep, frames]]\nwhen: {frames: {timestep: [0]}}",
            "when.frames.timestep: an axis cannot depend on itself, nor on one that it changes together with",
        ),
        (GRID + "when: {frames: {timestep: [8]}}", "when.frames.timestep: no arm has level '8'; known: 0, 9"),
        (GRID + "when: {frames: {noise: [gaussian]}}", "when.frames.noise: no arm has level 'gaussian'; known: none"),
        (GRID + "when: {frames: {prompt: [text]}}", "when.frames.prompt: no axis varies 'prompt' and the reference names no level of it"),
        (
            GRID + "when: {frames: {timestep: [0]}, timestep: {noise: [none]}, noise: {frames: [1]}}",
            "when: the conditions of timestep, frames, noise wait for one another; drop one",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(write: Write, text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        points(write, text + "\n")
    assert str(error.value).startswith(f"experiments/demo.yaml: {said}")


def test_levels_are_named_as_people_write_them() -> None:
    assert [level_name(level) for level in (50, "image+text", ("in", "up2"))] == ["50", "image+text", "in+up2"]
