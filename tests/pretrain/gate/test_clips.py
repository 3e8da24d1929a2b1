"""Oracles: cells counted pixel by pixel; the drawn scenes themselves."""

from itertools import islice

import numpy as np
import pytest
import torch

from vdit.config.data import World
from vdit.pretrain.gate.clips import anything, cells, frames, gaussian, pairs, same_colour, take

WORLD = World(seed=5, frames=3, height=32, width=64)


def test_a_cell_is_of_things_where_they_cover_half_of_it() -> None:
    labels = np.random.default_rng(0).choice(3, size=(4, 16, 24), p=(0.5, 0.26, 0.24)).astype(np.uint8)
    found = cells(labels)
    assert found.shape == (4, 2, 3)
    assert set(np.unique(found)) == {0, 1, 2}
    for frame, row, column in np.ndindex(found.shape):
        block = labels[frame, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        ones, twos = np.count_nonzero(block == 1), np.count_nonzero(block == 2)
        assert found[frame, row, column] == (0 if ones + twos < 32 else 1 if ones >= twos else 2)


def test_the_larger_of_two_things_takes_a_cell() -> None:
    labels = np.zeros((1, 8, 16), np.uint8)
    labels[0, :3, :8], labels[0, 3:, :8], labels[0, :3, 8:] = 2, 1, 1
    assert cells(labels).tolist() == [[[1, 0]]]
    assert cells(np.zeros((1, 8, 8), np.uint8)).tolist() == [[[0]]]


def test_frames_that_cells_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.world: frames are 24x12 pixels"):
        cells(np.zeros((1, 12, 24), np.uint8))


def test_pairs_are_two_visible_things_and_never_come_twice() -> None:
    found = tuple(islice(pairs(WORLD), 20))
    assert all(len(clip.scene.things) == 2 and {1, 2} <= set(np.unique(clip.cells_Thw)) for clip in found)
    assert len({clip.frames_THW3.tobytes() for clip in found}) == 20
    assert frames(found).shape == (20, 3, 32, 64, 3)


def test_pairs_are_the_worlds() -> None:
    first, again = next(pairs(WORLD)), next(pairs(WORLD))
    assert np.array_equal(first.frames_THW3, again.frames_THW3)
    assert not np.array_equal(first.frames_THW3, next(pairs(World(seed=6, frames=3, height=32, width=64))).frames_THW3)


def test_sets_of_one_stream_are_disjoint() -> None:
    stream = pairs(WORLD)
    first, second = take(stream, 5, anything), take(stream, 5, anything)
    assert not {clip.frames_THW3.tobytes() for clip in first} & {clip.frames_THW3.tobytes() for clip in second}


def test_clips_are_taken_until_enough_of_them_count() -> None:
    found = take(pairs(WORLD), 3, anything, same_colour)
    assert sum(map(same_colour, found)) == 3 and same_colour(found[-1])
    assert all(map(same_colour, take(pairs(WORLD), 3, same_colour)))


def test_a_world_without_such_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="0 of 1 clips in 100"):
        take(pairs(WORLD), 1, lambda clip: False)


def test_noise_is_what_its_key_says() -> None:
    first, again, other = gaussian((4, 500), 1, 2), gaussian((4, 500), 1, 2), gaussian((4, 500), 2, 1)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert abs(float(first.std()) - 1) < 0.05
