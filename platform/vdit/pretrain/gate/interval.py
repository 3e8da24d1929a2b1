"""How sure a figure of the gate is: bootstrap over clips (every seed sees all of them, so a clip is a cluster), Wilson's for shares."""

# R replicates, S seeds, C clips

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]
# The figure [R] of R drawn sets of clips, from how often each clip was drawn [R, C].
Statistic = Callable[[Array], Array]
REPLICATES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """`low` and `high` enclose `figure` at 95 %."""

    figure: float
    low: float
    high: float


def bootstrap(statistic: Statistic, clips: int) -> Interval:
    """Percentiles of `statistic` on clips drawn anew with all their seeds. The draws depend on `clips` alone.

    So two figures of the same clips are drawn together, and a difference inside `statistic` is a paired one.
    """
    drawn_RC = np.random.default_rng(0).multinomial(clips, np.full(clips, 1 / clips), size=REPLICATES).astype(np.float64)
    low, high = np.quantile(statistic(drawn_RC), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(statistic(np.ones((1, clips)))[0]), float(low), float(high))


def ratio(above_SC: Array, below_SC: Array) -> Statistic:
    """The sum of one quantity over that of another, over all clips and seeds; NaN where the second is 0 on all drawn clips."""
    above_C, below_C = above_SC.sum(axis=0), below_SC.sum(axis=0)

    def of(weights_RC: Array) -> Array:
        sums_R, counts_R = weights_RC @ above_C, weights_RC @ below_C
        found: Array = np.divide(sums_R, counts_R, out=np.full(sums_R.shape, np.nan), where=counts_R > 0)
        return found

    return of


def wilson(hits: int, trials: int) -> Interval:
    """Of a share of independent trials (Wilson, Journal of the American Statistical Association 22, 1927)."""
    z, share = float(norm.ppf((1 + LEVEL) / 2)), hits / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * (share * (1 - share) / trials + z**2 / (4 * trials**2)) ** 0.5
    return Interval(share, middle - half, middle + half)
