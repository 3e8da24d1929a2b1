"""How sure a number of a table, or the difference of two arms in it, is: intervals, a test, an effect size.

A unit is one expression (or image) of one video under one seed. Expressions of a video share its frames, and all seeds see the same
videos, so neither expressions nor frames are independent: videos are clusters, crossed with seeds. A number is a mean over seeds of what
each seed's videos give together, and is computed again on videos drawn anew: as a ratio of two sums (here), or by ranking (ranking.py).
Arms see the same clips, so both arms of a difference are computed on the same draws.

The bootstrap resamples videos and seeds each on their own (the pigeonhole bootstrap: Owen, The Annals of Applied Statistics 1, 2007). It
draws one fewer than there are, which makes the variance of a mean unbiased where there are few (Rao and Wu, Journal of the American
Statistical Association 83, 1988), and its percentiles are moved outwards as Student's t is wider than the normal distribution, with the
degrees of freedom of Welch and Satterthwaite: three seeds say little about how much seeds differ. What is specific to a seed and a video
together counts up to three times its variance, so intervals err to the wide side. With one seed only videos are resampled, and the interval
says nothing about another seed.

R replicates, S seeds, V videos. A weight is how often a video counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

Array = NDArray[np.float64]
UNIT = ["seed", "video", "expression"]
# Of a sum over videos: what two orders of adding may differ by.
ROUNDING = 1e-9
# Numbers in one array, so that memory stays small however many replicates and videos there are.
CHUNK = 4_000_000
# Fewer videos than this have no p below .05: of the 2^V patterns of signs two are as large as the one at hand.
VIDEOS_TO_TELL = 6


@dataclass(frozen=True, kw_only=True)
class Interval:
    """`low` and `high` enclose `estimate` at `level`; NaN below two videos, and where the number often does not exist on drawn videos."""

    estimate: float
    low: float
    high: float
    level: float
    videos: int
    seeds: int


class Statistic(Protocol):
    """A number by seed that can be computed again on other videos. `units` are what it was computed from: seed, video, expression."""

    @property
    def units(self) -> pd.MultiIndex: ...

    @property
    def shape(self) -> tuple[int, int]:
        """Seeds and videos."""

    def at(self, weights_RV: Array) -> Array:
        """The number [R, S] where videos have these weights; NaN where it does not exist."""

    def linear(self) -> Array:
        """What each video adds to the number, to first order, in units of its mean over videos: [S, V], summing to 0 over V."""

    def joined(self, other: Self) -> Self:
        """Both arms' videos under the same seeds, [S, 2 V]: videos of one can be taken in place of the other's."""


S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """A ratio of sums over videos: `sums_SV` over `counts_SV`, such as J over expressions, or intersections over unions."""

    units: pd.MultiIndex
    sums_SV: Array
    counts_SV: Array

    @property
    def shape(self) -> tuple[int, int]:
        seeds, videos = self.sums_SV.shape
        return seeds, videos

    def at(self, weights_RV: Array) -> Array:
        sums_RS, counts_RS = weights_RV @ self.sums_SV.T, weights_RV @ self.counts_SV.T
        found: Array = np.divide(sums_RS, counts_RS, out=np.full(sums_RS.shape, np.nan), where=counts_RS > 0)
        return found

    def linear(self) -> Array:
        ratios_SR = self.at(np.ones((1, self.shape[1]))).T
        found: Array = (self.sums_SV - ratios_SR * self.counts_SV) / self.counts_SV.mean(axis=1, keepdims=True)
        return found

    def joined(self, other: "Totals") -> "Totals":
        pairs = ((self.sums_SV, other.sums_SV), (self.counts_SV, other.counts_SV))
        sums_SV, counts_SV = (np.concatenate(pair, axis=1) for pair in pairs)
        return Totals(units=self.units, sums_SV=sums_SV, counts_SV=counts_SV)


def per_expression(scores: Mapping[int, pd.DataFrame], column: str = "j") -> pd.DataFrame:
    """The units of an arm, `seed, video, expression, value`, from each seed's scores.parquet: the mean over an expression's frames."""
    means = {seed: table.groupby(["video", "expression"])[column].mean() for seed, table in scores.items()}
    units: pd.DataFrame = pd.concat(means, names=["seed"]).rename("value").reset_index()
    return units


def totals(units: pd.DataFrame) -> Totals:
    """The sum of `value` over the sum of `weight`, which is 1 where there is no such column: then it is the mean of the units.

    Raises ValueError, naming the unit, where a seed lacks an expression that another has, has it twice, or without a number for it.
    """
    indexed = units.assign(weight=units.get("weight", 1.0)).set_index(UNIT)[["value", "weight"]].astype(np.float64)
    _check(indexed)
    indexed = indexed.sort_index()
    table = indexed["value"].unstack("seed")
    if table.isna().to_numpy().any():
        row, seed = np.argwhere(table.isna().to_numpy())[0]
        lacking = _named((table.columns[seed], *table.index[row]))
        raise ValueError(f"not there: {lacking}, which another seed has; score every seed on the same data")
    # Seed and video in order, so that the sums fill a rectangle.
    sums, counts = (indexed[name].groupby(level=["seed", "video"]).sum().unstack("video").to_numpy(np.float64) for name in indexed)
    assert isinstance(indexed.index, pd.MultiIndex)
    return Totals(units=indexed.index, sums_SV=sums, counts_SV=counts)


def mean(arm: Statistic, rng: np.random.Generator, replicates: int = 10_000, level: float = 0.95) -> Interval:
    """The mean over seeds with its bootstrap interval."""
    return _interval((arm,), rng, replicates, level)


def difference(arm: Statistic, against: Statistic, rng: np.random.Generator, replicates: int = 10_000, level: float = 0.95) -> Interval:
    """`arm` minus `against`, both on the same draws, with the bootstrap interval.

    Raises ValueError, naming the unit, where one arm has a unit that the other lacks.
    """
    check_paired(arm, against)
    return _interval((arm, against), rng, replicates, level)


def sign_flip(arm: S, against: S, rng: np.random.Generator, replicates: int = 10_000) -> float:
    """Two-sided p-value of no difference: how often it is as large when each video is given to either arm at random.

    Of the seeds at hand: under the hypothesis the arms' results in a video, over its expressions and these seeds, might as well be the
    other's; of means, that is a sign for each video's difference (Fisher's randomisation test; Winkler et al., NeuroImage 92, 2014, for
    whole blocks). All 2^V patterns are tried where there are no more than `replicates`, else (1 + as large) / (1 + drawn) (Phipson and
    Smyth, 2010). NaN where there is no difference to speak of. Raises ValueError as `difference` does.
    """
    check_paired(arm, against)
    both, videos = arm.joined(against), arm.shape[1]

    def differences(kept_RV: Array) -> Array:
        ours, theirs = (both.at(np.concatenate(halves, axis=1)) for halves in ((kept_RV, 1 - kept_RV), (1 - kept_RV, kept_RV)))
        found: Array = np.abs((ours - theirs).mean(axis=1))
        return found

    everything = np.ones((1, videos))
    given = float(differences(everything)[0])
    if np.isnan(given):
        return float("nan")
    threshold = given - ROUNDING * float(np.abs([one.at(everything).mean() for one in (arm, against)]).sum())
    if videos < 63 and 2**videos <= replicates:
        patterns = (np.arange(2**videos)[:, None] >> np.arange(videos) & 1).astype(np.float64)
        return float(np.mean(~(differences(patterns) < threshold)))
    large = 0
    for drawn in _chunks(replicates, videos):
        large += int(np.count_nonzero(~(differences(rng.integers(0, 2, size=(drawn, videos)).astype(np.float64)) < threshold)))
    return (1 + large) / (1 + replicates)


def effect_size(arm: Totals, against: Totals) -> float:
    """Cohen's d of paired differences (d_z; Lakens, Frontiers in Psychology 4, 2013): their mean over videos in standard deviations.

    A video's difference is that of its own two ratios, averaged over seeds; every video weighs the same. NaN below two videos, where all
    differ by the same, and where a video has no such number. Raises ValueError as `difference` does.
    """
    check_paired(arm, against)
    single_VV = np.eye(arm.shape[1])
    videos = (arm.at(single_VV) - against.at(single_VV)).mean(axis=1)
    if len(videos) < 2 or np.isnan(videos).any():
        return float("nan")
    spread = float(videos.std(ddof=1))
    return float(videos.mean()) / spread if spread > ROUNDING * float(np.abs(videos).max()) else float("nan")


def check_paired(arm: Statistic, against: Statistic) -> None:
    """Raises ValueError naming the first unit that only one of them has."""
    ours, theirs = arm.units, against.units
    for name, lone in (("the first", ours.difference(theirs)), ("the second", theirs.difference(ours))):
        if len(lone):
            raise ValueError(f"not paired: only {name} arm has {_named(lone[0])} ({len(lone)} such); score both arms on the same data")


def _check(indexed: pd.DataFrame) -> None:
    if indexed.empty:
        raise ValueError("there are no units; score at least one expression")
    if indexed.index.has_duplicates:
        raise ValueError(f"{_named(indexed.index[indexed.index.duplicated()][0])} is there twice; each counts once")
    wrong = ~np.isfinite(indexed.to_numpy()).all(axis=1)
    if wrong.any():
        raise ValueError(f"{_named(indexed.index[wrong][0])} has no finite value; score it again")


def _interval(arms: tuple[Statistic, ...], rng: np.random.Generator, replicates: int, level: float) -> Interval:
    """Of one arm, or of the first minus the second."""
    seeds, videos = arms[0].shape
    estimate = float(_at(arms, np.ones((1, videos))).mean())
    low = high = float("nan")
    if videos > 1:
        drawn = np.concatenate([_replicates(arms, rng, count) for count in _chunks(replicates, videos)])
        exist = drawn[~np.isnan(drawn)]
        # Ends are quantiles: they cannot be told when more than lies behind them is not there.
        if len(exist) > level * len(drawn):
            ends = estimate + _widening(arms, level) * (np.quantile(exist, ((1 - level) / 2, (1 + level) / 2)) - estimate)
            low, high = map(float, ends)
    return Interval(estimate=estimate, low=low, high=high, level=level, videos=videos, seeds=seeds)


def _at(arms: tuple[Statistic, ...], weights_RV: Array) -> Array:
    found = arms[0].at(weights_RV)
    return found if len(arms) == 1 else found - arms[1].at(weights_RV)


def _widening(arms: tuple[Statistic, ...], level: float) -> float:
    """How much wider Student's t is than the normal distribution, for the variances that seeds and videos give the estimate."""
    means_S = _at(arms, np.ones((1, arms[0].shape[1])))[0]
    parts_SV = arms[0].linear() if len(arms) == 1 else arms[0].linear() - arms[1].linear()
    shares = [(float(values.var(ddof=1)) / len(values), len(values) - 1) for values in (means_S, parts_SV.mean(axis=0)) if len(values) > 1]
    whole = sum(variance for variance, _ in shares)
    if not whole:
        return 1.0
    freedom = whole**2 / sum(variance**2 / degrees for variance, degrees in shares)
    return float(t.ppf((1 + level) / 2, freedom) / norm.ppf((1 + level) / 2))


def _replicates(arms: tuple[Statistic, ...], rng: np.random.Generator, count: int) -> Array:
    """The estimate [R] on videos and seeds drawn anew."""
    seeds_RS, videos_RV = (_draws(rng, count, among) for among in arms[0].shape)
    values_RS = _at(arms, videos_RV)
    # What does not exist under a seed that is not drawn is not missed.
    estimates_R: Array = np.where(seeds_RS > 0, seeds_RS * values_RS, 0).sum(axis=1) / seeds_RS.sum(axis=1)
    return estimates_R


def _draws(rng: np.random.Generator, count: int, among: int) -> Array:
    """How often each of `among` is drawn: one draw fewer than there are, but of one that one."""
    return rng.multinomial(max(among - 1, 1), np.full(among, 1 / among), size=count).astype(np.float64)


def _chunks(replicates: int, videos: int) -> list[int]:
    """Sizes of the parts that replicates are drawn in."""
    if replicates < 1:
        raise ValueError(f"replicates is {replicates}; give 1 or more, 10,000 for an interval in print")
    whole, rest = divmod(replicates, max(CHUNK // videos, 1))
    return [max(CHUNK // videos, 1)] * whole + [rest] * (rest > 0)


def _named(unit: tuple[object, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(UNIT, unit, strict=True))
