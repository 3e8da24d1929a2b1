"""Oracles: findings made by hand; cells of the scene."""

import numpy as np
import pytest

from vdit.config.data import World
from vdit.pretrain.gate import foreground
from vdit.pretrain.gate.clips import anything, pairs, take
from vdit.pretrain.gate.overlap import Overlap


def overlap(share: float) -> Overlap:
    either = np.full((1, 30), 10.0)
    return Overlap(share * either, either, np.full((1, 30), np.nan))


@pytest.mark.parametrize(("trained", "passed"), [(0.7, True), (0.61, True), (0.59, False), (0.4, False)])
def test_features_have_to_be_far_above_random_ones(trained: float, passed: bool) -> None:
    found = {foreground.TRAINED: overlap(trained), foreground.RANDOM: overlap(0.5), foreground.LATENTS: overlap(0.55)}
    rows = foreground.rows({**found, "something else": overlap(0.0)})
    assert [row.passed for row in rows] == [passed, None, None, None, None]
    assert [row.figure for row in rows] == pytest.approx([trained - 0.5, trained - 0.55, trained, 0.5, 0.55])


def test_things_are_all_that_is_not_background() -> None:
    clips = take(pairs(World(seed=5, frames=3, height=32, width=64)), 3, anything)
    assert np.array_equal(foreground.things(clips).numpy(), np.stack([(clip.cells_Thw > 0).ravel() for clip in clips]))
