"""How sure a figure of the gate is: bootstrap over clips and seeds, Wilson's for shares.

Every seed sees all clips, so both are drawn anew, each on its own (the pigeonhole bootstrap: Owen, The Annals of Applied Statistics 1,
2007), one fewer than there are (Rao and Wu, Journal of the American Statistical Association 83, 1988). What the interval does not hold is
another run of the pretraining.
"""

# R replicates, S seeds, C clips

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]
# The figure [R] of R drawn sets, from how often each seed [R, S] and each clip [R, C] was drawn.
Statistic = Callable[[Array, Array], Array]
REPLICATES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """`low` and `high` enclose `figure` at 95 %."""

    figure: float
    low: float
    high: float


def bootstrap(statistic: Statistic, seeds: int, clips: int) -> Interval:
    """Percentiles of `statistic` on seeds and clips drawn anew. The draws depend on how many there are alone.

    So two figures of the same clips are drawn together, and a difference inside `statistic` is a paired one.
    """
    rng = np.random.default_rng(0)
    clips_RC, seeds_RS = draws(rng, clips), draws(rng, seeds)
    low, high = np.quantile(statistic(seeds_RS, clips_RC), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(statistic(np.ones((1, seeds)), np.ones((1, clips)))[0]), float(low), float(high))


def draws(rng: np.random.Generator, among: int) -> Array:
    """[R, among]: how often each is drawn; of one that one."""
    return rng.multinomial(max(among - 1, 1), np.full(among, 1 / among), size=REPLICATES).astype(np.float64)


def ratio(above_SC: Array, below_SC: Array) -> Statistic:
    """The sum of one quantity over that of another, over all clips and seeds; NaN where the second is 0 on all drawn clips."""

    def of(seeds_RS: Array, clips_RC: Array) -> Array:
        sums_R, counts_R = (((seeds_RS @ part_SC) * clips_RC).sum(axis=1) for part_SC in (above_SC, below_SC))
        found: Array = np.divide(sums_R, counts_R, out=np.full(sums_R.shape, np.nan), where=counts_R > 0)
        return found

    return of


def wilson(hits: int, trials: int) -> Interval:
    """Of a share of independent trials (Wilson, Journal of the American Statistical Association 22, 1927)."""
    z, share = float(norm.ppf((1 + LEVEL) / 2)), hits / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * (share * (1 - share) / trials + z**2 / (4 * trials**2)) ** 0.5
    return Interval(share, middle - half, middle + half)
