"""The space of a search: brute force over a grid of the same axes, and the file its points are kept in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.schedule import stops
from vdit.study import design, plan, points, spec
from vdit.study.points import Point, Space, Stop

HEAD = "study: demo\npreset: small\nreference: VD-IT\narms: {VD-IT: {noise: predicted}}\n"
SEARCH = f"{HEAD}design: search\nsearch: {{trials: 3}}\n"
AXES = "axes: {timestep: {low: 0, high: 100, step: 50}, noise: [gaussian, predicted], head: [vdit, sgmg]}\n"


def space(write: Callable[[str], Path], text: str) -> Space:
    write(text)
    return Space(spec.read("demo"))


def test_the_points_are_those_of_the_grid_over_the_same_axes_and_named_alike(write: Callable[[str], Path]) -> None:
    write(HEAD + "design: grid\naxes: {timestep: [0, 50, 100], noise: [gaussian, predicted], head: [vdit, sgmg]}\n")
    grid = {arm.name: arm.levels for arm in design.arms(spec.read("demo")) if arm.name != "VD-IT"}
    searched = space(write, SEARCH + AXES)
    found = [searched.arm(values) for values in searched.every()]
    assert {arm.name: arm.levels for arm in found} == grid
    assert len(found) == 12


def test_axes_that_change_together_are_drawn_at_once_and_conditions_leave_no_trace(write: Callable[[str], Path]) -> None:
    paired = space(write, SEARCH + "axes: {timestep: [0, 50], noise: [gaussian, none]}\nzip: [[timestep, noise]]\n")
    assert [paired.arm(values).name for values in paired.every()] == ["timestep=0, noise=gaussian", "timestep=50, noise=none"]
    axes = "axes: {backbone: [miniature, video-swin], timestep: [0, 50]}\nwhen: {timestep: {backbone: [miniature]}}\n"
    bound = space(write, (SEARCH + axes).replace("{noise: predicted}", "{}"))
    names = {bound.arm(values).name for values in bound.every()}
    assert names == {"backbone=miniature, timestep=0", "backbone=miniature, timestep=50", "backbone=video-swin"}


def test_a_written_arm_is_the_point_of_its_configuration_however_it_is_spelled(write: Callable[[str], Path]) -> None:
    searched = space(write, SEARCH + "axes: {timestep: {low: 0, high: 100, step: 50}, taps: [[in, up2], released]}\n")
    (reference,) = searched.study.arms
    assert searched.of(reference) == {"timestep": 0, "taps": "released"}
    elsewhere = space(write, SEARCH + "axes: {timestep: {low: 50, high: 100, step: 50}}\n")
    assert elsewhere.of(reference) is None


def test_the_corners_have_every_level_once_and_the_ends_of_a_range(write: Callable[[str], Path]) -> None:
    corners = [arm.name for arm in space(write, SEARCH + AXES).corners()]
    assert corners == ["timestep=0", "timestep=100", "noise=gaussian", "noise=predicted", "head=vdit", "head=sgmg"]


def test_a_point_that_could_never_run_is_found_before_anything_runs(write: Callable[[str], Path]) -> None:
    write((SEARCH + "axes: {backbone: [miniature, video-swin], timestep: [0, 50]}\n").replace("{noise: predicted}", "{}"))
    with pytest.raises(ValueError, match=r"backbone=video-swin, timestep=0\.timestep: has no effect with backbone 'video-swin'"):
        plan.build(spec.read("demo"), Path("runs"))


def test_drawn_points_are_arms_of_the_plan_and_come_back_from_their_file(write: Callable[[str], Path]) -> None:
    write(SEARCH + AXES)
    study, runs = spec.read("demo"), Path("runs")
    assert [planned.trial.arm for planned in plan.build(study, runs).trials] == ["VD-IT"]
    kept = [
        Point({"timestep": 50, "noise": "none", "head": "vdit"}),
        Point({"timestep": 100, "noise": "gaussian", "head": "vdit"}, Stop("k", 4, 12, 0.5)),
    ]
    stops.keep(study, runs, kept)
    assert points.drawn(study, runs) == kept[1:], "a level that the axes do not have any more is left out"
    assert points.stopped(study, runs) == {"k": "stopped by ASHA at step 4 of 12"}
    made = plan.build(study, runs)
    assert [planned.trial.arm for planned in made.trials] == ["VD-IT", "timestep=100, noise=gaussian, head=vdit"]
    assert made.estimate.seconds == 10 * (2 + 2), "two points are not drawn yet"
    assert made.document()["search"]["metric"] == "jf"


def test_a_point_has_the_key_of_the_same_arm_in_another_study(write: Callable[[str], Path]) -> None:
    write(SEARCH + AXES)
    study, runs = spec.read("demo"), Path("runs")
    stops.keep(study, runs, [Point({"timestep": 50, "noise": "gaussian", "head": "vdit"})])
    mine = plan.build(study, runs).trials[-1].key
    write("study: other\npreset: small\narms: {mine: {noise: gaussian, timestep: 50}}\n")
    assert [planned.key for planned in plan.build(spec.read("demo"), runs).trials] == [mine]


def test_a_damaged_file_is_named(write: Callable[[str], Path]) -> None:
    write(SEARCH + AXES)
    file = Path("runs/studies/demo/search.json")
    file.parent.mkdir(parents=True)
    file.write_text('{"points": [')
    with pytest.raises(ValueError, match=r"search\.json: .*; remove it, and the search begins anew"):
        points.drawn(spec.read("demo"), Path("runs"))


def test_a_search_for_more_points_than_there_are_is_refused(write: Callable[[str], Path]) -> None:
    """Twelve, of which the reference is one."""
    study = SEARCH.replace("trials: 3", "trials: 12") + AXES
    write(study.replace("{noise: predicted}", "{noise: predicted, timestep: 50}"))
    with pytest.raises(ValueError, match=r"search\.trials: is 12, but the axes have 11 points beside the written arms; lower it"):
        plan.build(spec.read("demo"), Path("runs"))
    write(study.replace("trials: 12", "trials: 11"))
    assert plan.build(spec.read("demo"), Path("runs")).undrawn == 11


def test_of_a_large_space_every_pair_of_levels_is_tried(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "CHECKED", 3)
    write(
        (SEARCH + "axes: {head: [vdit, sgmg], backbone: [miniature, video-swin], timestep: [0, 50]}\n").replace("{noise: predicted}", "{}")
    )
    with pytest.raises(ValueError, match=r"backbone=video-swin, timestep=0\.timestep: has no effect with backbone 'video-swin'"):
        plan.build(spec.read("demo"), Path("runs"))


def ended_early(write: Callable[[str], Path]) -> tuple[spec.Study, str]:
    """A search whose only point so far, timestep 100 under gaussian noise, was ended, and its key."""
    write(SEARCH + AXES)
    study, runs = spec.read("demo"), Path("runs")
    values = {"timestep": 100, "noise": "gaussian", "head": "vdit"}
    stops.keep(study, runs, [Point(values)])
    key = plan.build(study, runs).trials[-1].key
    stops.keep(study, runs, [Point(values, Stop(key, 4, 12, 0.5))])
    return study, key


def test_a_point_that_was_ended_early_is_no_part_of_the_estimate_until_it_may_run_again(write: Callable[[str], Path]) -> None:
    study, key = ended_early(write)
    runs = Path("runs")
    made = plan.build(study, runs)
    assert made.pruned == {key: "stopped by ASHA at step 4 of 12"}
    assert (made.due, made.undrawn, made.estimate.seconds) == (1 + 2, 2, 30)
    stops.resume(study, runs, key)
    again = plan.build(study, runs)
    assert not again.pruned and again.due == 4


def test_an_arm_that_was_written_down_since_its_point_was_ended_is_to_run(write: Callable[[str], Path]) -> None:
    _, key = ended_early(write)
    write((SEARCH + AXES).replace("{noise: predicted}}", "{noise: predicted}, mine: {timestep: 100, noise: gaussian}}"))
    made = plan.build(spec.read("demo"), Path("runs"))
    assert key in {planned.key for planned in made.missing} and not made.pruned
