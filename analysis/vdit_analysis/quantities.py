"""What the intervals of a table are made of: each of its quantities as a statistic over videos (stats.py), in percent.

Every function takes one arm's rows by seed. What it returns at the videos at hand is what vdit/metrics gives, averaged over seeds.
"""

import re
from collections.abc import Callable, Mapping

import pandas as pd

from vdit.metrics import consistency, precision, quality
from vdit.metrics._instances import iou, top
from vdit.metrics.consistency import Kind
from vdit_analysis import stats
from vdit_analysis.ranking import Ranking, ranking
from vdit_analysis.stats import Totals

Seeds = Mapping[int, pd.DataFrame]
# Of A2D-Sentences and JHMDB-Sentences (benchmarks/a2d_sentences.py): the frames of a video are its cluster.
IMAGE = re.compile(r"v_(?P<video>.+)_f_\d+(_i_\d+)?")


def components(scores: Seeds) -> dict[str, Totals]:
    """J&F, J and F of Tables 1 and 3."""
    halves = {seed: rows.assign(jf=(rows["j"] + rows["f"]) / 2) for seed, rows in scores.items()}
    return {key: _mean(stats.per_expression(halves, column)) for key, column in (("JF", "jf"), ("J", "j"), ("F", "f"))}


def change(scores: Seeds, interval: int, kind: Kind = "mean") -> Totals:
    """D_k of Table 5. An expression without such a pair of frames weighs nothing."""
    return _ratio(scores, lambda rows: _change(rows, interval, kind))


def quality_ratio(scores: Seeds) -> Totals:
    """Table 6, frames counted."""
    return _ratio(scores, lambda rows: _counted(rows, rows["j"]))


def quality_per_expression(scores: Seeds) -> Totals:
    """Table 6, expressions counted by their mean J."""
    return _ratio(scores, lambda rows: _counted(*_means(rows)))


def detections(instances: Seeds) -> dict[str, Totals | Ranking]:
    """Table 2: mAP, overall and mean IoU, precision."""
    named = {seed: clustered(rows) for seed, rows in instances.items()}
    best = {seed: top(rows).assign(iou=iou) for seed, rows in named.items()}
    found: dict[str, Totals | Ranking] = {"mAP": ranking(named)}
    found["overall"] = overall_iou(instances)
    found["mean"] = _mean(_units({seed: rows.assign(value=rows["iou"]) for seed, rows in best.items()}))
    for threshold in precision.THRESHOLDS:
        above = {seed: rows.assign(value=(rows["iou"] > threshold).astype(float)) for seed, rows in best.items()}
        found[f"P@{threshold}"] = _mean(_units(above))
    return found


def overall_iou(instances: Seeds) -> Totals:
    """All intersections over all unions, of Tables 2 and 4."""
    best = {seed: top(clustered(rows)) for seed, rows in instances.items()}
    sums = {seed: rows.assign(value=100.0 * rows["intersection"], weight=rows["union"]) for seed, rows in best.items()}
    return stats.totals(_units(sums))


def clustered(instances: pd.DataFrame) -> pd.DataFrame:
    """Rows with the `video` that their image is a frame of; where its name does not say, each image is alone."""
    found = instances["image"].str.extract(f"^{IMAGE.pattern}$")["video"]
    return instances.assign(video=found.fillna(instances["image"]))


def _mean(units: pd.DataFrame) -> Totals:
    return stats.totals(units.assign(value=100 * units["value"]))


def _units(best: Seeds) -> pd.DataFrame:
    """Rows of one query an image as units."""
    table: pd.DataFrame = pd.concat(best, names=["seed"]).reset_index(level="seed").rename(columns={"image": "expression"})
    return table[[name for name in (*stats.UNIT, "value", "weight") if name in table]]


def _ratio(scores: Seeds, count: Callable[[pd.DataFrame], pd.DataFrame]) -> Totals:
    """`count` gives `value` and `weight` of each video and expression that has any; the others have none of both."""
    parts = {}
    for seed, rows in scores.items():
        every = pd.MultiIndex.from_frame(rows[["video", "expression"]].drop_duplicates())
        parts[seed] = count(rows).reindex(every, fill_value=0.0)
    units = pd.concat(parts, names=["seed"]).reset_index()
    return stats.totals(units.assign(value=100 * units["value"]))


def _change(scores: pd.DataFrame, interval: int, kind: Kind) -> pd.DataFrame:
    pairs = consistency.pairs(scores, interval)
    if kind == "present":
        pairs = pairs[pairs["both"]]
    if kind == "rms":
        pairs = pairs.assign(change=pairs["change"] ** 2)
    by_expression = pairs.groupby(["video", "expression"])["change"]
    if kind == "pooled":
        return pd.DataFrame({"value": by_expression.sum(), "weight": by_expression.size().astype(float)})
    means = by_expression.mean()
    return pd.DataFrame({"value": means**0.5 if kind == "rms" else means, "weight": 1.0})


def _means(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    means = scores.groupby(["video", "expression"])["j"].mean().reset_index()
    return means, means["j"]


def _counted(places: pd.DataFrame, j: pd.Series) -> pd.DataFrame:
    flags = places[["video", "expression"]].assign(value=(j > quality.VERY_GOOD).astype(float), weight=(j > quality.GOOD).astype(float))
    counts: pd.DataFrame = flags.groupby(["video", "expression"]).sum()
    return counts
