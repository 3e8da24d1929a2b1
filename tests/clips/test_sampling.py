"""Clip sampling against the specification (section 5), and its independence of everything but (seed, epoch, index)."""

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from vdit.clips.sampling import choose, order, sample
from vdit.config.data import Augment, Data
from vdit.video import Item, Sample

PLAIN = Data(augment=Augment(enabled=False))
SMALL = Data(augment=Augment(scales=()))


def indices(drawn: Sample) -> list[int]:
    return [int(value) - 10 for value in drawn.frames[:, 0, 0, 0]]


def equal(one: Sample, other: Sample) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Sample))


def test_indices_are_sorted_in_range_and_hold_start_and_neighbours() -> None:
    rng, before, after = np.random.default_rng(0), Counter[int](), Counter[int]()
    for _ in range(3000):
        chosen = choose(40, 20, 5, rng)
        assert list(chosen) == sorted(set(chosen)) and len(chosen) == 5 and chosen[0] >= 0 and chosen[-1] < 40
        near = [index - 20 for index in chosen if abs(index - 20) <= 3]
        assert 0 in near
        before[max((step for step in near if step < 0), default=0)] += 1
        after[min((step for step in near if step > 0), default=0)] += 1
    # Global frames lie outside of the neighbours' span, so the nearest frame on each side is the neighbour.
    assert {step: round(count / 3000, 1) for step, count in before.items()} == {-1: 0.3, -2: 0.3, -3: 0.3}
    assert {step: round(count / 3000, 1) for step, count in after.items()} == {1: 0.3, 2: 0.3, 3: 0.3}


def test_global_frames_are_uniform_outside_of_the_neighbours() -> None:
    rng, counts = np.random.default_rng(1), Counter[int]()
    for _ in range(4000):
        counts.update(index for index in choose(24, 12, 5, rng) if abs(index - 12) > 3)
    assert set(counts) == {*range(9), *range(16, 24)}
    assert max(counts.values()) < 1.35 * min(counts.values())


@pytest.mark.parametrize("start", [0, 9])
def test_at_an_edge_the_neighbour_is_the_start_itself(start: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        chosen = choose(10, start, 5, rng)
        assert Counter(chosen)[start] == 2 and len(chosen) == 5


@pytest.mark.parametrize(("length", "count"), [(1, 5), (2, 5), (3, 5), (4, 5), (6, 5), (3, 12), (1, 1), (9, 1), (9, 2), (9, 3)])
def test_short_videos_and_clips_of_any_length(length: int, count: int) -> None:
    rng = np.random.default_rng(3)
    for start in range(length):
        for _ in range(20):
            chosen = choose(length, start, count, rng)
            assert len(chosen) == count and start in chosen and list(chosen) == sorted(chosen)
            assert chosen[0] >= 0 and chosen[-1] < length
            if count >= 3 + length:
                assert set(chosen) == set(range(length))


def test_three_clips_in_ten_are_reversed(squares: type) -> None:
    split = squares((40,), (1,))
    clips = [
        indices(sample(split, Item(0, 0, 20), replace(SMALL, augment=Augment(scales=(), photometric=False)), 0, index))
        for index in range(1000)
    ]
    assert all(clip in (sorted(clip), sorted(clip, reverse=True)) for clip in clips)
    assert np.mean([clip[0] > clip[-1] for clip in clips]) == pytest.approx(0.3, abs=0.04)


def test_without_augmentation_frames_are_as_on_disk_and_in_order(squares: type) -> None:
    split = squares((40,), (1,))
    for index in range(20):
        drawn = sample(split, Item(0, 0, 20), PLAIN, 0, index)
        assert indices(drawn) == sorted(indices(drawn)) and 20 in indices(drawn)
        assert drawn.text == "the square on the left"
        assert drawn.frames.shape == (5, 40, 60, 3) and drawn.masks.shape == (5, 40, 60)
        assert drawn.boxes_T4.tolist() == [[10, 5, 29, 14]] * 5 and drawn.valid_T.all()


def test_boxes_are_as_the_data_say_and_captions_lower_whatever_they_say(squares: type) -> None:
    split = squares((40,), (1,))
    drawn = sample(split, Item(0, 0, 20), replace(PLAIN, boxes="exclusive", captions="released"), 0, 0)
    assert drawn.boxes_T4.tolist() == [[10, 5, 30, 15]] * 5
    assert drawn.text == "the square on the left"


def test_a_video_of_one_frame_gives_clips_of_one_frame(squares: type) -> None:
    split = squares((1, 1), (1,))
    for index, item in enumerate(split.items):
        drawn = sample(split, item, replace(SMALL, frames=1), 0, index)
        assert drawn.frames.shape == (1, 40, 60, 3) and drawn.valid_T.tolist() == [True]
        assert drawn.video == split.videos[item.video].id


def test_a_sample_is_a_function_of_seed_epoch_and_index(squares: type) -> None:
    split, item = squares((40, 30), (1,)), Item(0, 0, 20)
    first = sample(split, item, SMALL, 3, 7)
    np.random.seed(99)
    assert equal(first, sample(split, item, SMALL, 3, 7))
    for other in (sample(split, item, SMALL, 4, 7), sample(split, item, SMALL, 3, 8), sample(split, item, replace(SMALL, seed=1), 3, 7)):
        assert not equal(first, other) and first.noise_seed != other.noise_seed


def test_noise_and_frames_do_not_depend_on_the_augmentation(squares: type) -> None:
    split, item = squares((40,), (1,)), Item(0, 0, 20)
    for index in range(20):
        plain, small = (
            sample(split, item, PLAIN, 0, index),
            sample(split, item, replace(SMALL, augment=Augment(scales=(), photometric=False)), 0, index),
        )
        assert plain.noise_seed == small.noise_seed
        assert indices(plain) == sorted(indices(small))


def test_arrays_are_contiguous(squares: type) -> None:
    for index in range(8):
        drawn = sample(squares((40,), (1,)), Item(0, 0, 20), SMALL, 0, index)
        assert drawn.frames.flags.c_contiguous and drawn.masks.flags.c_contiguous


def test_where_the_object_is_not_seen_another_item_is_drawn(squares: type) -> None:
    split = squares((40, 40), (2, 1))
    split.items = (Item(0, 0, 0), Item(0, 1, 0), Item(1, 1, 5))
    drawn = [sample(split, Item(0, 0, 20), SMALL, 0, index) for index in range(60)]
    assert all(one.expression == "1" and one.valid_T.any() for one in drawn)
    assert {one.video for one in drawn} == {"v0", "v1"}
    assert equal(drawn[5], sample(split, Item(0, 0, 20), SMALL, 0, 5))


def test_data_that_never_shows_its_object_is_refused(squares: type) -> None:
    split = squares((8,), (2,))
    with pytest.raises(ValueError, match=r"100 random clips, the last of video v0, do not show their object; check the masks"):
        sample(split, split.items[0], SMALL, 0, 0)


def test_order_is_a_permutation_of_seed_and_epoch() -> None:
    first = order(50, 0, 0)
    assert sorted(first.tolist()) == list(range(50))
    assert first.tolist() == order(50, 0, 0).tolist()
    assert first.tolist() != order(50, 0, 1).tolist() != order(50, 1, 0).tolist()
