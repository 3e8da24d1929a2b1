"""Oracles: Newcombe's published values of Wilson's interval (Statistics in Medicine 17, 1998, table I); a normal mean's own interval."""

import numpy as np
import pytest

from vdit.pretrain.gate.interval import bootstrap, ratio, wilson


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
)
def test_wilsons_interval_is_as_published(hits: int, trials: int, low: float, high: float) -> None:
    found = wilson(hits, trials)
    assert found.figure == hits / trials
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_all_hits_mirror_none() -> None:
    none, every = wilson(0, 20), wilson(20, 20)
    assert (every.low, every.high) == pytest.approx((1 - none.high, 1 - none.low))


def test_the_interval_of_a_mean_is_that_of_a_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=400)
    found = bootstrap(ratio(values[None], np.ones((1, 400))), 400)
    half = 1.96 * values.std() / 20
    assert found.figure == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_seeds_of_a_clip_are_drawn_together() -> None:
    """Three equal seeds say no more than one."""
    values = np.random.default_rng(1).normal(size=(1, 50))
    one, three = (bootstrap(ratio(given, np.ones_like(given)), 50) for given in (values, values.repeat(3, axis=0)))
    assert (one.figure, one.low, one.high) == pytest.approx((three.figure, three.low, three.high))


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(2)
    shared, clips = rng.normal(size=(1, 60)), np.ones((1, 60))
    above, below = ratio(shared + 0.1, clips), ratio(shared, clips)
    found = bootstrap(lambda weights: above(weights) - below(weights), 60)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


def test_a_ratio_of_nothing_is_no_number() -> None:
    assert np.isnan(ratio(np.zeros((1, 2)), np.array([[0.0, 3.0]]))(np.array([[1.0, 0.0]])))[0]
