"""How sure a mean or a difference of two arms is (Tables 3, 5 and 6 and the claims drawn from them): intervals, a test, an effect size.

A unit is one expression of one video under one seed. Expressions of a video share its frames, and all seeds see the same videos, so neither
expressions nor frames are independent: videos are clusters, crossed with seeds. Arms see the same clips, so differences are taken unit by
unit. All estimates weigh expressions alike, as the tables do.

The bootstrap resamples videos and seeds each on their own (the pigeonhole bootstrap: Owen, The Annals of Applied Statistics 1, 2007). It
draws one fewer than there are, which makes the variance of a mean unbiased where there are few (Rao and Wu, Journal of the American
Statistical Association 83, 1988), and its percentiles are moved outwards as Student's t is wider than the normal distribution, with the
degrees of freedom of Welch and Satterthwaite: three seeds say little about how much seeds differ. What is specific to a seed and a video
together counts up to three times its variance, so intervals err to the wide side. With one seed only videos are resampled, and the interval
says nothing about another seed.

R replicates, S seeds, V videos.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

Array = NDArray[np.float64]
UNIT = ["seed", "video", "expression"]
# Of a sum over videos: what two orders of adding may differ by.
ROUNDING = 1e-9
# Replicates at once, so that memory stays small however many are asked for.
CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class Interval:
    """`low` and `high` enclose `estimate` at `level`; NaN below two videos."""

    estimate: float
    low: float
    high: float
    level: float
    videos: int
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over the expressions of each video under each seed, [S, V], and how many expressions a video has, [V]."""

    sums_SV: Array
    counts_V: Array

    @property
    def estimate(self) -> float:
        return float(self.sums_SV.sum() / (len(self.sums_SV) * self.counts_V.sum()))


def per_expression(scores: Mapping[int, pd.DataFrame], column: str = "j") -> pd.DataFrame:
    """The units of an arm, `seed, video, expression, value`, from each seed's scores.parquet: the mean over an expression's frames."""
    means = {seed: table.groupby(["video", "expression"])[column].mean() for seed, table in scores.items()}
    units: pd.DataFrame = pd.concat(means, names=["seed"]).rename("value").reset_index()
    return units


def mean(units: pd.DataFrame, rng: np.random.Generator, replicates: int = 10_000, level: float = 0.95) -> Interval:
    """The mean over seeds and expressions with its bootstrap interval.

    Raises ValueError, naming the unit, where a seed lacks an expression that another has, has it twice, or without a number for it.
    """
    return _interval(_totals(units), rng, replicates, level)


def difference(
    arm: pd.DataFrame, against: pd.DataFrame, rng: np.random.Generator, replicates: int = 10_000, level: float = 0.95
) -> Interval:
    """The mean of `arm` minus that of `against`, paired unit by unit, with its bootstrap interval.

    Raises ValueError, naming the unit, as `mean` does and where one arm has a unit that the other lacks.
    """
    return _interval(_totals(paired(arm, against)), rng, replicates, level)


def sign_flip(arm: pd.DataFrame, against: pd.DataFrame, rng: np.random.Generator, replicates: int = 10_000) -> float:
    """Two-sided p-value of no difference: how often the mean difference is as large when each video's sign is drawn at random.

    Of the seeds at hand: under the hypothesis a video's differences, over its expressions and these seeds, are as likely with the other
    sign (Fisher's randomisation test; Winkler et al., NeuroImage 92, 2014, for whole blocks). All 2^V patterns are tried where there are
    no more than `replicates`, else (1 + as large) / (1 + drawn) (Phipson and Smyth, 2010). Raises ValueError as `difference` does.
    """
    sums_V = _totals(paired(arm, against)).sums_SV.sum(axis=0)
    videos = len(sums_V)
    threshold = abs(float(sums_V.sum())) - ROUNDING * float(np.abs(sums_V).sum())
    if videos < 63 and 2**videos <= replicates:
        patterns = np.arange(2**videos)[:, None] >> np.arange(videos) & 1
        return float(np.mean(np.abs((2 * patterns - 1) @ sums_V) >= threshold))
    large = 0
    for drawn in _chunks(replicates):
        large += int(np.count_nonzero(np.abs(rng.choice((-1.0, 1.0), size=(drawn, videos)) @ sums_V) >= threshold))
    return (1 + large) / (1 + replicates)


def effect_size(arm: pd.DataFrame, against: pd.DataFrame) -> float:
    """Cohen's d of paired differences (d_z; Lakens, Frontiers in Psychology 4, 2013): their mean over videos in standard deviations.

    A video's difference is the mean over its expressions and seeds; every video weighs the same. NaN below two videos or where all differ
    by the same. Raises ValueError as `difference` does.
    """
    totals = _totals(paired(arm, against))
    videos = totals.sums_SV.mean(axis=0) / totals.counts_V
    if len(videos) < 2:
        return float("nan")
    spread = float(videos.std(ddof=1))
    return float(videos.mean()) / spread if spread > ROUNDING * float(np.abs(videos).max()) else float("nan")


def paired(arm: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """The units of the difference. Raises ValueError naming the first unit that only one of them has."""
    ours, theirs = _indexed(arm), _indexed(against)
    for name, lone in (("the first", ours.index.difference(theirs.index)), ("the second", theirs.index.difference(ours.index))):
        if len(lone):
            raise ValueError(f"not paired: only {name} arm has {_named(lone[0])} ({len(lone)} such); score both arms on the same data")
    return (ours - theirs).rename("value").reset_index()


def _indexed(units: pd.DataFrame) -> pd.Series:
    values = units.set_index(UNIT)["value"]
    if values.empty:
        raise ValueError("there are no units; score at least one expression")
    if values.index.has_duplicates:
        raise ValueError(f"{_named(values.index[values.index.duplicated()][0])} is there twice; each counts once")
    if not np.isfinite(values.to_numpy()).all():
        raise ValueError(f"{_named(values.index[~np.isfinite(values.to_numpy())][0])} has no finite value; score it again")
    return values.sort_index()


def _totals(units: pd.DataFrame) -> Totals:
    """Raises ValueError naming an expression that one seed has and another lacks."""
    table = _indexed(units).unstack("seed")
    if table.isna().to_numpy().any():
        row, seed = np.argwhere(table.isna().to_numpy())[0]
        lacking = _named((table.columns[seed], *table.index[row]))
        raise ValueError(f"not there: {lacking}, which another seed has; score every seed on the same data")
    videos = table.groupby(level="video")
    return Totals(sums_SV=videos.sum().to_numpy(np.float64).T, counts_V=np.asarray(videos.size(), np.float64))


def _interval(totals: Totals, rng: np.random.Generator, replicates: int, level: float) -> Interval:
    (seeds, videos), estimate = totals.sums_SV.shape, totals.estimate
    low = high = float("nan")
    if videos > 1:
        drawn = np.concatenate([_replicates(totals, rng, count) for count in _chunks(replicates)])
        ends = estimate + _widening(totals, level) * (np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)) - estimate)
        low, high = map(float, ends)
    return Interval(estimate=estimate, low=low, high=high, level=level, videos=videos, seeds=seeds)


def _widening(totals: Totals, level: float) -> float:
    """How much wider Student's t is than the normal distribution, for the variances that seeds and videos give the estimate."""
    means_S = totals.sums_SV.sum(axis=1) / totals.counts_V.sum()
    # A mean over expressions is a ratio of sums over videos: this is its linear part.
    parts_V = (totals.sums_SV.mean(axis=0) - totals.estimate * totals.counts_V) / totals.counts_V.mean()
    shares = [(float(values.var(ddof=1)) / len(values), len(values) - 1) for values in (means_S, parts_V) if len(values) > 1]
    whole = sum(variance for variance, _ in shares)
    if not whole:
        return 1.0
    freedom = whole**2 / sum(variance**2 / degrees for variance, degrees in shares)
    return float(t.ppf((1 + level) / 2, freedom) / norm.ppf((1 + level) / 2))


def _replicates(totals: Totals, rng: np.random.Generator, count: int) -> Array:
    """The estimate [R] on videos and seeds drawn anew."""
    seeds_RS, videos_RV = (_draws(rng, count, among) for among in totals.sums_SV.shape)
    sums_R = ((seeds_RS @ totals.sums_SV) * videos_RV).sum(axis=1)
    estimates_R: Array = sums_R / (seeds_RS.sum(axis=1) * (videos_RV @ totals.counts_V))
    return estimates_R


def _draws(rng: np.random.Generator, count: int, among: int) -> Array:
    """How often each of `among` is drawn: one draw fewer than there are, but of one that one."""
    return rng.multinomial(max(among - 1, 1), np.full(among, 1 / among), size=count).astype(np.float64)


def _chunks(replicates: int) -> list[int]:
    """Sizes of the parts that replicates are drawn in."""
    if replicates < 1:
        raise ValueError(f"replicates is {replicates}; give 1 or more, 10,000 for an interval in print")
    whole, rest = divmod(replicates, CHUNK)
    return [CHUNK] * whole + [rest] * (rest > 0)


def _named(unit: tuple[object, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(UNIT, unit, strict=True))
