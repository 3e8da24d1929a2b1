"""The control of words. Oracle: every permutation of the objects, and those among them that leave nothing in its place."""

from collections import Counter
from itertools import permutations

import pytest

from vdit.clips.shuffled import shuffled
from vdit.video import Expression, Video


def video(name: str, objects: list[int]) -> Video:
    """One expression for each object named, ids in order."""
    return Video(name, ("00000",), tuple(Expression(str(place), f"sentence {place}", number) for place, number in enumerate(objects)))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_derangement_of_the_objects_is_drawn_about_as_often(count: int) -> None:
    objects = list(range(1, count + 1))
    every = {way for way in permutations(objects) if all(own != other for own, other in zip(objects, way, strict=True))}
    draws = 200 * len(every)
    found: Counter[tuple[int, ...]] = Counter()
    for number in range(draws):
        given = video(f"v{number}", objects)
        found[tuple(1 + int(shuffled(given, 0)[str(place)]) for place in range(count))] += 1
    assert found.keys() == every
    # Six standard deviations of a binomial count about its mean of 200.
    assert all(abs(times - 200) < 6 * 200**0.5 for times in found.values())


def test_an_expression_has_one_of_another_object_in_its_place_and_all_stand_in_once() -> None:
    objects = [3, 1, 7, 3, 7, 1, 9, 9]
    for seed in range(100):
        found = shuffled(video("v", objects), seed)
        assert set(found) == set(found.values()) == set(map(str, range(8)))
        gives = {objects[int(own)]: objects[int(other)] for own, other in found.items()}
        assert all(gives[objects[int(own)]] == objects[int(other)] != objects[int(own)] for own, other in found.items())


def test_fewer_expressions_take_their_turns() -> None:
    # Two objects change places: the three expressions of the first get the fourth and the fifth, and the fourth again.
    assert shuffled(video("v", [1, 1, 1, 2, 2]), 0) == {"0": "3", "1": "4", "2": "3", "3": "0", "4": "1"}


def test_one_object_has_no_other() -> None:
    assert shuffled(video("v", [4, 4]), 0) == {} == shuffled(video("v", []), 0)


def test_the_draw_is_a_function_of_the_data_s_seed_and_the_video() -> None:
    objects = [1, 2, 3, 4]
    first = [shuffled(video(f"v{number}", objects), 5) for number in range(20)]
    assert first == [shuffled(video(f"v{number}", objects), 5) for number in range(20)]
    assert first != [shuffled(video(f"v{number}", objects), 6) for number in range(20)]
    assert any(found != first[0] for found in first)
