"""Oracles: sums and shares by hand."""

import numpy as np
import pytest

from vdit.pretrain.gate.overlap import Overlap
from vdit.pretrain.gate.probe import Found


def found(both: list[float], either: list[float], picked: list[float]) -> Found:
    return Found(np.array(both), np.array(either), np.array(picked))


ONE = Overlap.of([found([1, 2, 0], [2, 4, 1], [1, 0, 1]), found([2, 2, 1], [2, 4, 1], [1, 1, 0])])


def test_iou_is_over_all_cells_of_all_clips_and_seeds() -> None:
    assert ONE.iou().figure == pytest.approx(8 / 14)
    assert ONE.where(np.array([True, False, True])).iou().figure == pytest.approx(4 / 6)
    assert ONE.clips == 3 and ONE.where(np.array([True, False, True])).clips == 2


def test_picks_are_a_share_of_clips_and_seeds() -> None:
    assert ONE.picks().figure == pytest.approx(4 / 6)


def test_nothing_differs_from_itself() -> None:
    same = ONE.minus(ONE)
    assert (same.figure, same.low, same.high) == (0, 0, 0)


def test_seeds_that_agree_in_nothing_widen_the_interval() -> None:
    either = np.full((2, 40), 10.0)
    apart = Overlap(either * np.array([[0.2], [0.8]]), either, either).iou()
    assert (apart.figure, apart.low, apart.high) == pytest.approx((0.5, 0.2, 0.8))


def test_a_note_has_the_difference_under_each_seed() -> None:
    none = Overlap(0 * ONE.both_SB, ONE.either_SB, ONE.picked_SB)
    assert ONE.by_seed(none) == "by seed 0.429, 0.714"


def test_a_difference_is_of_the_same_clips() -> None:
    rng = np.random.default_rng(0)
    either = rng.integers(10, 90, size=(1, 80)).astype(float)
    better = Overlap(0.6 * either, either, np.ones_like(either))
    worse = Overlap(0.5 * either, either, np.ones_like(either))
    gain = better.minus(worse)
    assert (gain.figure, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
