"""Intervals, test and effect size. Oracles: loops over replicates and units, all sign patterns, scipy, and coverage on simulated data."""

from itertools import product
from math import comb, isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from vdit_analysis import stats


def units(seeds: int, videos: int, rng: np.random.Generator, spread: tuple[float, float, float] = (1, 0.3, 0.5)) -> pd.DataFrame:
    """One to four expressions a video; effects of video and seed, which their expressions share, and of the unit. The mean is 10."""
    of_video, of_seed, of_unit = spread
    video, seed = rng.normal(0, of_video, videos), rng.normal(0, of_seed, seeds)
    rows = [
        (s, f"v{v:03d}", str(e), 10 + seed[s] + video[v] + rng.normal(0, of_unit))
        for s in range(seeds)
        for v in range(videos)
        for e in range(1 + v % 4)
    ]
    return pd.DataFrame(rows, columns=["seed", "video", "expression", "value"])


def flip(arm: pd.DataFrame, against: pd.DataFrame, rng: np.random.Generator, replicates: int = 10_000) -> float:
    return stats.sign_flip(stats.totals(arm), stats.totals(against), rng, replicates)


def effect(arm: pd.DataFrame, against: pd.DataFrame) -> float:
    return stats.effect_size(stats.totals(arm), stats.totals(against))


def brute_force(table: pd.DataFrame, rng: np.random.Generator, replicates: int) -> list[float]:
    """The mean of the units of videos and seeds drawn anew, one replicate after the other, unit by unit."""
    seeds, videos = sorted(set(table["seed"])), sorted(set(table["video"]))
    values = {place: group["value"].tolist() for place, group in table.groupby(["seed", "video"])}
    found = []
    for _ in range(replicates):
        own = rng.choice(seeds, max(len(seeds) - 1, 1))
        drawn = rng.choice(videos, len(videos) - 1)
        found.append(float(np.mean([value for seed, video in product(own, drawn) for value in values[seed, video]])))
    return found


def test_per_expression_is_the_mean_over_frames() -> None:
    scores = pd.DataFrame({"video": list("aab"), "expression": list("001"), "j": [0.2, 0.4, 0.9], "f": [0.0, 1.0, 1.0]})
    found = stats.per_expression({0: scores, 3: scores}, "j")
    assert found.values.tolist() == [
        [0, "a", "0", pytest.approx(0.3)],
        [0, "b", "1", 0.9],
        [3, "a", "0", pytest.approx(0.3)],
        [3, "b", "1", 0.9],
    ]


@pytest.mark.parametrize("seeds", [1, 3])
def test_replicates_are_those_of_drawing_units_one_by_one(seeds: int) -> None:
    table = units(seeds, 12, np.random.default_rng(0))
    found = stats._replicates((stats.totals(table),), np.random.default_rng(1), 20_000)
    drawn = brute_force(table, np.random.default_rng(2), 4_000)
    # Four standard errors of a 2.5 % quantile of 4,000 draws, by the density of a normal distribution there.
    off = 4 * sqrt(0.025 * 0.975 / 4_000) / 0.058 * float(np.std(drawn))
    np.testing.assert_allclose(np.quantile(found, (0.025, 0.975)), np.quantile(drawn, (0.025, 0.975)), rtol=0, atol=off)


def test_the_estimate_weighs_expressions_alike() -> None:
    table = units(3, 12, np.random.default_rng(0))
    found = stats.mean(stats.totals(table), np.random.default_rng(1), replicates=100)
    assert found.estimate == pytest.approx(table["value"].mean())
    assert (found.videos, found.seeds) == (12, 3)


def test_many_draws_of_equal_videos_give_the_interval_of_a_t_test() -> None:
    values = np.random.default_rng(0).normal(size=20)
    table = pd.DataFrame({"seed": 0, "video": [f"v{v:02d}" for v in range(20)], "expression": "0", "value": values})
    found = stats.mean(stats.totals(table), np.random.default_rng(0), replicates=100_000)
    known = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=0.05 * (known.high - known.low))


def test_the_spread_is_unbiased_where_videos_are_few() -> None:
    # Of equally large videos under one seed, the standard error of a mean: s / sqrt(V).
    values = [1.0, 2.0, 4.0, 9.0]
    table = pd.DataFrame({"seed": 0, "video": list("abcd"), "expression": "0", "value": values})
    drawn = stats._replicates((stats.totals(table),), np.random.default_rng(0), 200_000)
    assert float(drawn.std()) == pytest.approx(float(np.std(values, ddof=1)) / 2, rel=0.01)


def test_a_difference_is_the_mean_of_the_paired_differences() -> None:
    rng = np.random.default_rng(0)
    arm = units(2, 8, rng)
    against = arm.assign(value=arm["value"] - 0.5 - 0.1 * rng.normal(size=len(arm))).sample(frac=1, random_state=1)
    found = stats.difference(stats.totals(arm), stats.totals(against), np.random.default_rng(3))
    both = arm.merge(against, on=["seed", "video", "expression"])
    direct = stats.mean(stats.totals(both.assign(value=both["value_x"] - both["value_y"])[arm.columns]), np.random.default_rng(3))
    assert (found.estimate, found.low, found.high) == pytest.approx((direct.estimate, direct.low, direct.high), abs=1e-12)
    # What the arms share does not blur their difference.
    alone = stats.mean(stats.totals(arm), np.random.default_rng(3))
    assert found.high - found.low < 0.3 < alone.high - alone.low


def test_the_same_generator_gives_the_same_interval() -> None:
    table = units(2, 6, np.random.default_rng(0))
    first, second, other = (stats.mean(stats.totals(table), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == second != other


def test_one_video_has_no_interval() -> None:
    found = stats.mean(stats.totals(units(3, 1, np.random.default_rng(0))), np.random.default_rng(0))
    assert isnan(found.low) and isnan(found.high) and found.estimate > 0


@pytest.mark.parametrize(("seeds", "spread"), [(1, (1, 0, 0.5)), (6, (1, 0.3, 0.5)), (3, (0.2, 1, 0.2))])
def test_intervals_cover_the_true_mean_as_often_as_they_say(seeds: int, spread: tuple[float, float, float]) -> None:
    rng, studies = np.random.default_rng(0), 400
    found = [stats.mean(stats.totals(units(seeds, 40, rng, spread)), rng, replicates=600) for _ in range(studies)]
    covered = sum(interval.low <= 10 <= interval.high for interval in found)
    chance = [comb(studies, k) * 0.95**k * 0.05 ** (studies - k) for k in range(studies + 1)]
    # The bounds that 399 of 400 honest intervals at 95 % would keep.
    low, high = np.searchsorted(np.cumsum(chance), (0.00125, 0.99875))
    assert low <= covered <= high


def test_frames_taken_for_independent_would_not_cover() -> None:
    """The reason for clusters: the same simulation with every unit a video of its own."""
    rng, studies = np.random.default_rng(0), 200
    tables = [units(1, 40, rng, (1, 0, 0.2)) for _ in range(studies)]
    apart = [stats.mean(stats.totals(table.assign(video=table["video"] + table["expression"])), rng, replicates=600) for table in tables]
    assert sum(interval.low <= 10 <= interval.high for interval in apart) < 0.85 * studies


def test_every_sign_pattern_is_tried_where_videos_are_few() -> None:
    arm, nothing = units(2, 7, np.random.default_rng(1)), units(2, 7, np.random.default_rng(1)).assign(value=9.6)
    sums = (arm["value"] - 9.6).groupby(arm["video"]).sum().tolist()
    large = [
        abs(sum(sign * value for sign, value in zip(signs, sums, strict=True))) >= abs(sum(sums)) - 1e-9
        for signs in product((1, -1), repeat=7)
    ]
    assert flip(arm, nothing, np.random.default_rng(0)) == sum(large) / 2**7


def test_drawn_signs_agree_with_all_of_them() -> None:
    arm, nothing = units(1, 12, np.random.default_rng(4)), units(1, 12, np.random.default_rng(4)).assign(value=9.7)
    every = flip(arm, nothing, np.random.default_rng(0), replicates=2**12)
    drawn = flip(arm, nothing, np.random.default_rng(0), replicates=2**12 - 1)
    assert 0.02 < every < 0.98
    assert drawn == pytest.approx(every, abs=4 * sqrt(every * (1 - every) / 2**12))


def test_a_difference_in_every_video_is_as_unlikely_as_it_can_be() -> None:
    arm = units(1, 10, np.random.default_rng(0))
    assert flip(arm, arm.assign(value=arm["value"] - 1), np.random.default_rng(0)) == 2 / 2**10
    assert flip(arm, arm, np.random.default_rng(0)) == 1


def test_without_a_difference_small_p_values_are_as_rare_as_they_say() -> None:
    rng, studies = np.random.default_rng(0), 200
    below = 0
    for _ in range(studies):
        arm = units(2, 15, rng, (1, 0, 0.5))
        below += flip(arm, arm.assign(value=10.0), rng, replicates=400) <= 0.05
    assert below <= 0.05 * studies + 3 * sqrt(0.05 * 0.95 * studies)
    assert below >= 0.05 * studies - 3 * sqrt(0.05 * 0.95 * studies)


def test_the_effect_size_is_a_t_statistic_over_the_root_of_the_videos() -> None:
    arm = pd.DataFrame({"seed": 0, "video": list("abcde"), "expression": "0", "value": [3.0, 4.0, 6.0, 5.0, 9.0]})
    t = ttest_1samp([1.0, 2.0, 4.0, 3.0, 7.0], 0).statistic
    assert effect(arm, arm.assign(value=2.0)) == pytest.approx(t / sqrt(5))


def test_videos_weigh_the_same_in_the_effect_size() -> None:
    arm = pd.DataFrame({"seed": 0, "video": list("aab"), "expression": list("010"), "value": [1.0, 3.0, 4.0]})
    assert effect(arm, arm.assign(value=0.0)) == pytest.approx(3 / sqrt(2))  # 2 and 4


def test_no_spread_no_effect_size() -> None:
    arm = units(2, 5, np.random.default_rng(0))
    assert isnan(effect(arm, arm.assign(value=arm["value"] - 0.1)))
    assert isnan(effect(arm[arm["video"] == "v000"], arm[arm["video"] == "v000"].assign(value=0)))


def test_what_is_not_paired_is_named() -> None:
    arm = units(2, 3, np.random.default_rng(0))
    lacking = arm[~((arm["seed"] == 1) & (arm["video"] == "v001"))]
    shorter = arm[arm["video"] != "v001"]
    with pytest.raises(ValueError, match=r"only the first arm has seed 0, video v001, expression 0 \(4 such\)"):
        stats.difference(stats.totals(arm), stats.totals(shorter), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"only the second arm has seed 0, video v001"):
        flip(shorter, arm, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"not there: seed 1, video v001, expression 0"):
        stats.totals(lacking)


def test_units_count_once_and_have_a_number() -> None:
    arm = units(1, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"seed 0, video v000, expression 0 is there twice"):
        stats.totals(pd.concat([arm, arm]))
    with pytest.raises(ValueError, match=r"video v001, expression 0 has no finite value"):
        stats.totals(arm.assign(value=arm["value"].where(arm["video"] == "v000")))
    with pytest.raises(ValueError, match="no units"):
        stats.totals(arm[:0])
    with pytest.raises(ValueError, match="replicates is 0"):
        stats.mean(stats.totals(arm), np.random.default_rng(0), replicates=0)
