"""Counts of a frame's pairs of masks against contour.count of each pair by itself."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vdit.metrics import contour
from vdit.score._pairs import VOID, every_pair, same_ids, seen, stacked

Labels = NDArray[np.uint8]


def frame(seed: int, ids: list[int]) -> Labels:
    blocks = np.random.default_rng(seed).choice(np.array(ids, np.uint8), (6, 9))
    return np.repeat(np.repeat(blocks, 8, axis=0), 11, axis=1)


def alone(prediction: Labels, truth: Labels, predicted: int, true: int, void: bool) -> list[int]:
    masks = [(labels == found) & (found != 0) for labels, found in ((prediction, predicted), (truth, true))]
    counts = contour.count(masks[0][None], masks[1][None], (truth == VOID)[None] if void else None)
    return [int(count[0]) for count in counts]


@pytest.mark.parametrize("ids", [[0, 1, 2, 5], [0, 1, 2, 5, VOID]])
def test_every_pair_is_what_it_is_alone(ids: list[int]) -> None:
    prediction, truth = frame(1, [0, 1, 3]), frame(2, ids)
    found = every_pair(prediction, truth)
    assert (found.predicted, found.true) == ((0, 1, 3), (0, 1, 2, 5))
    wanted = [[alone(prediction, truth, ours, theirs, void=True) for theirs in (0, 1, 2, 5, 9)] for ours in (3, 0, 1, 7)]
    assert found.among([3, 0, 1, 7], [0, 1, 2, 5, 9]).tolist() == wanted


@pytest.mark.parametrize("ids", [[0, 1, 2, 5], [0, 1, 2, 5, VOID]])
def test_an_id_meets_itself_and_void_is_no_object(ids: list[int]) -> None:
    prediction, truth = frame(3, [0, 1, 3, VOID]), frame(4, ids)
    found = same_ids(prediction, truth)
    assert found.predicted == (0, 1, 3, VOID)
    assert found.true == (0, 1, 2, 5)
    for one in (1, 2, 3, 5, 9):
        assert found.among([one], [one])[0, 0].tolist() == alone(prediction, truth, one, one, void=False)


def test_frames_are_stacked_by_id_whichever_they_show() -> None:
    frames = [every_pair(frame(seed, [0, seed]), frame(seed + 5, [0, 1, 2])) for seed in (1, 2, 3)]
    counts_PGT7 = stacked(frames, [2, 3], [1, 2])
    assert counts_PGT7.shape == (2, 2, 3, 7)
    for t, one in enumerate(frames):
        np.testing.assert_array_equal(counts_PGT7[:, :, t], one.among([2, 3], [1, 2]))


def test_every_value_is_seen_wherever_it_is() -> None:
    for size in (5, 64, 200, 1000):
        for place in (0, 3, size // 2, size - 1):
            labels = np.full((1, size), 4, np.uint8)
            labels[0, place] = 9
            assert seen(labels) == (0, 4, 9)
    assert seen(np.arange(256, dtype=np.uint8)[None]) == tuple(range(256))
    assert seen(np.zeros((3, 70), np.uint8)) == (0,)


def test_the_empty_mask_leads_and_is_empty() -> None:
    full = np.full((3, 4), 7, np.uint8)
    assert seen(full) == (0, 7)
    empty = np.zeros((3, 4), np.uint8)
    assert every_pair(full, empty).among([0, 7], [0])[..., :2].tolist() == [[[0, 0]], [[12, 0]]]
    assert same_ids(empty, full).among([0, 7], [0, 7])[..., :2].tolist() == [[[0, 0], [0, 12]], [[0, 0], [0, 12]]]
