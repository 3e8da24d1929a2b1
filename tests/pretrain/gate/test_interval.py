"""Oracles: Newcombe's published values of Wilson's interval (Statistics in Medicine 17, 1998, table I); a normal mean's own interval."""

import numpy as np
import pytest

from vdit.pretrain.gate.interval import Array, bootstrap, ratio, wilson


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
    found = bootstrap(ratio(values[None], np.ones((1, 400))), 1, 400)
    half = 1.96 * values.std() / 20
    assert found.figure == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_three_equal_seeds_say_no_more_than_one() -> None:
    values = np.random.default_rng(1).normal(size=(1, 50))
    one, three = (bootstrap(ratio(given, np.ones_like(given)), *given.shape) for given in (values, values.repeat(3, axis=0)))
    assert (one.figure, one.low, one.high) == pytest.approx((three.figure, three.low, three.high))


def test_seeds_that_differ_widen_an_interval() -> None:
    """Of clips that are all alike, the interval is that of the mean of the seeds: two drawn of three have variance s^2 / 3."""
    by_seed = np.array([[1.0], [2.0], [6.0]]).repeat(50, axis=1)
    replicates: list[float] = []

    def kept(seeds_RS: Array, clips_RC: Array) -> Array:
        replicates.extend(found := ratio(by_seed, np.ones_like(by_seed))(seeds_RS, clips_RC))
        return found

    found = bootstrap(kept, 3, 50)
    assert found.figure == pytest.approx(3) and (found.low, found.high) == pytest.approx((1, 6))
    assert np.var(replicates) == pytest.approx(np.var([1, 2, 6], ddof=1) / 3, rel=0.05)


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(2)
    shared, clips = rng.normal(size=(1, 60)), np.ones((1, 60))
    above, below = ratio(shared + 0.1, clips), ratio(shared, clips)
    found = bootstrap(lambda seeds_RS, clips_RC: above(seeds_RS, clips_RC) - below(seeds_RS, clips_RC), 1, 60)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


def test_a_ratio_of_nothing_is_no_number() -> None:
    assert np.isnan(ratio(np.zeros((1, 2)), np.array([[0.0, 3.0]]))(np.ones((1, 1)), np.array([[1.0, 0.0]])))[0]
