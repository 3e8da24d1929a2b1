"""Intervals of a table's cells and their differences to the reference arm, and what must be said of them (stats.py).

Everything is drawn anew from one seed for every cell, so that a table is the same whenever it is made and whatever else is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from vdit_analysis import stats
from vdit_analysis.ranking import Ranking
from vdit_analysis.stats import Interval, Totals
from vdit_analysis.table import Cell, Column, Comparison, Table

Frames = Mapping[int, pd.DataFrame]
Statistics = Callable[[Frames], Mapping[str, Totals | Ranking]]
SEED = 0
REPLICATES = 10_000
LEVEL = 0.95
NOTHING = Interval(estimate=float("nan"), low=float("nan"), high=float("nan"), level=LEVEL, videos=0, seeds=0)


def of(cells: Sequence[Cell], columns: Sequence[Column], statistics: Statistics, own: Frames, reference: Frames) -> list[Cell]:
    """Measured cells with their interval and, unless `reference` is empty, their difference to it. Frames are by seed."""
    if not any(cell.state == "measured" for cell in cells):
        return list(cells)
    alone = statistics(own)
    found = [
        replace(cell, interval=_within(stats.mean(alone[column.key], _rng(), REPLICATES, LEVEL))) if cell.state == "measured" else cell
        for cell, column in zip(cells, columns, strict=True)
    ]
    both = sorted(own.keys() & reference.keys())
    if not reference:
        return found
    if not both:
        why = f"Not compared: it has seeds {_listed(own)}, the reference arm {_listed(reference)}."
        nothing = Comparison(interval=NOTHING, p=float("nan"), effect=float("nan"), why=why)
        return [replace(cell, comparison=nothing) if cell.state == "measured" else cell for cell in found]
    ours = alone if len(both) == len(own) else statistics({seed: own[seed] for seed in both})
    theirs = statistics({seed: reference[seed] for seed in both})
    return [
        replace(cell, comparison=_compared(ours[column.key], theirs[column.key])) if cell.state == "measured" else cell
        for cell, column in zip(found, columns, strict=True)
    ]


def difference(ours: Totals | Ranking, theirs: Totals | Ranking) -> tuple[Interval, str]:
    """`ours` minus `theirs`, and why there is no such number, else ""."""
    try:
        return stats.difference(ours, theirs, _rng(), REPLICATES, LEVEL), ""
    except ValueError as error:
        text = str(error)
        return NOTHING, f"{text[0].upper()}{text[1:]}."


def notes(table: Table) -> tuple[str, ...]:
    """How the intervals and p-values of a table were made, and what they cannot say."""
    intervals = [cell.interval for row in table.rows for cell in row.cells if cell.interval]
    if not intervals:
        return ()
    videos, seeds = max(found.videos for found in intervals), max(found.seeds for found in intervals)
    if videos < 2:
        return ("There is one video: nothing says how another would come out, so that there are no intervals and no p-values.",)
    drawn = f"videos ({videos})" + (f" and seeds ({seeds})" if seeds > 1 else "")
    said = [f"[low, high]: {LEVEL:.0%} interval, bootstrap of {drawn} in {REPLICATES:,} draws; all that is of one video stays together."]
    if seeds < 2:
        said.append("One seed: intervals and p-values are about other videos and say nothing about another seed.")
    if table.compared:
        said.append(_of_the_test(videos, seeds))
    return tuple(said)


def _of_the_test(videos: int, seeds: int) -> str:
    text = "p: two-sided sign-flip test over videos, for these seeds; not corrected for the number of comparisons."
    few = stats.VIDEOS_TO_TELL
    if seeds < few:
        text += f" Flipped by seed, as one would to speak of other seeds, fewer than {few} could not give p < .05 (here {_least(seeds)})."
    if videos < few:
        text += f" Nor can fewer than {few} videos: the least p here is {_least(videos)}."
    return text


def _least(clusters: int) -> str:
    return f"{min(2 / 2**clusters, 1):.3g}"


def _within(found: Interval) -> Interval:
    """No quantity of the paper's tables lies outside 0 to 100, where few videos can push the ends."""
    return replace(found, low=float(np.clip(found.low, 0, 100)), high=float(np.clip(found.high, 0, 100)))


def _compared(ours: Totals | Ranking, theirs: Totals | Ranking) -> Comparison:
    interval, why = difference(ours, theirs)
    if why:
        return Comparison(interval=interval, p=float("nan"), effect=float("nan"), why=why)
    if np.isnan(interval.estimate):
        why = "Not compared: the reference arm has no value here."
        return Comparison(interval=interval, p=float("nan"), effect=float("nan"), why=why)
    p = stats.sign_flip(ours, theirs, _rng(), REPLICATES) if interval.videos > 1 else float("nan")
    effect = stats.effect_size(ours, theirs) if isinstance(ours, Totals) and isinstance(theirs, Totals) else float("nan")
    return Comparison(interval=interval, p=p, effect=effect)


def _rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _listed(frames: Frames) -> str:
    return ", ".join(map(str, sorted(frames)))
