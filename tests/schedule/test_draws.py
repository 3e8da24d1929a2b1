"""Points drawn by TPE: none twice, the same for the same seed, and better ones where better ones are known. No cluster is started."""

from dataclasses import replace
from pathlib import Path

import pytest

from vdit.schedule.draws import Draw, Draws
from vdit.study import spec
from vdit.study.points import Space, Values

SEARCHED = """
design: search
search: {trials: 20, startup: 4}
axes: {timestep: {low: 0, high: 900, step: 50}, noise: [gaussian, predicted, none]}
"""


@pytest.fixture
def space(tiny: Path) -> Space:
    text = tiny.read_text().replace("design: listed\n", SEARCHED)
    tiny.write_text(text)
    return Space(spec.read(str(tiny)))


def draws(space: Space, seed: int = 0) -> Draws:
    assert space.study.search is not None
    return Draws(space, replace(space.study.search, seed=seed))


def value(values: Values) -> float:
    """Best at 600 with predicted noise."""
    return -abs(int(values["timestep"]) - 600) / 100 - (values["noise"] != "predicted")


def walk(source: Draws, count: int, known: list[str]) -> list[Values]:
    found = []
    for _ in range(count):
        draw = source.draw(known)
        if draw is None:
            break
        known.append(source.space.arm(draw.values).name)
        source.complete(draw, value(draw.values))
        found.append(draw.values)
    return found


def test_the_same_seed_draws_the_same_points_and_another_others(space: Space) -> None:
    first = walk(draws(space), 8, [])
    assert walk(draws(space), 8, []) == first
    assert walk(draws(space, seed=1), 8, []) != first


def test_what_is_known_before_is_not_drawn_again_and_the_search_goes_on_where_it_was(space: Space) -> None:
    """An interrupted search, told of its points, draws what the undisturbed one drew."""
    whole = walk(draws(space), 10, [])
    again = draws(space)
    for values in whole[:6]:
        again.complete(Draw("", values), value(values))
    assert walk(again, 4, [space.arm(values).name for values in whole[:6]]) == whole[6:]


def test_every_point_of_a_space_is_drawn_once_and_then_none(space: Space) -> None:
    found = walk(draws(space), 100, [])
    assert len(found) == 19 * 3
    assert len({space.arm(values).name for values in found}) == len(found)


def test_points_get_better_once_enough_are_known(space: Space) -> None:
    """Oracle: the mean over the space is what drawing at random gives."""
    everything = [value(values) for values in space.every()]
    drawn = [value(values) for seed in range(5) for values in walk(draws(space, seed), 16, [])[8:]]
    assert sum(drawn) / len(drawn) > sum(everything) / len(everything) + 0.5


def test_where_the_sampler_repeats_itself_the_nearest_point_is_taken(space: Space) -> None:
    source = draws(space)
    one, near, far = ({"timestep": step, "noise": noise} for step, noise in ((600, "none"), (550, "none"), (600, "gaussian")))
    assert source.distance(one, one) == 0 < source.distance(one, near) == 1 / 19 < source.distance(one, far) == 1


def test_a_point_that_was_ended_or_failed_leaves_the_others(space: Space) -> None:
    source = draws(space)
    known: list[str] = []
    for end in ("stopped", "failed", "stopped"):
        draw = source.draw(known)
        assert draw is not None
        known.append(space.arm(draw.values).name)
        if end == "stopped":
            source.stopped(draw, 2, 4.5)
        else:
            source.failed(draw)
    source.stopped(Draw("", {"timestep": 0, "noise": "none"}), 1, 9.0)
    assert len(walk(source, 6, known)) == 6
