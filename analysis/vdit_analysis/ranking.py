"""mAP (Table 2) as a number that can be computed again on videos drawn anew: the intervals of stats.py for what is no ratio of sums.

A video drawn twice is there twice, with all its images and queries. As copies have equal scores, that is the same as weights: a right query
adds its weight to what is right, and any query to what was said (copies of one query are ranked together). Equal to
metrics/average_precision.py where all weights are 1; crowds, which A2D-Sentences and JHMDB-Sentences have not, are not known here.

R replicates, S seeds, V videos, T thresholds, N queries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vdit.metrics import average_precision
from vdit.metrics.average_precision import RECALLS
from vdit_analysis.stats import CHUNK, UNIT, Array


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One seed's queries from the highest score down: the video of each, and whether it is the first of its image to reach a threshold."""

    score_N: Array
    video_N: NDArray[np.int64]
    right_TN: NDArray[np.bool_]
    images_V: Array

    def at(self, weights_RV: Array) -> Array:
        """mAP [R] in percent; NaN where no image has a weight."""
        weights_RN = weights_RV[:, self.video_N]
        said_RN = weights_RN.cumsum(axis=1)
        images_R = weights_RV @ self.images_V
        found: Array = 100 * np.mean([_average(weights_RN, said_RN, images_R, right_N) for right_N in self.right_TN], axis=0)
        return found

    def joined(self, other: "Ranked") -> "Ranked":
        score_N = np.concatenate((self.score_N, other.score_N))
        order_N = np.argsort(-score_N, kind="stable")
        return Ranked(
            score_N=score_N[order_N],
            video_N=np.concatenate((self.video_N, len(self.images_V) + other.video_N))[order_N],
            right_TN=np.concatenate((self.right_TN, other.right_TN), axis=1)[:, order_N],
            images_V=np.concatenate((self.images_V, other.images_V)),
        )


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A stats.Statistic."""

    units: pd.MultiIndex
    seeds: tuple[Ranked, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.seeds), len(self.seeds[0].images_V)

    def at(self, weights_RV: Array) -> Array:
        largest = max(len(ranked.video_N) for ranked in self.seeds)
        parts = [
            np.stack([ranked.at(part_RV) for ranked in self.seeds], axis=1)
            for part_RV in np.array_split(weights_RV, -(-len(weights_RV) * largest // CHUNK))
        ]
        return np.concatenate(parts)

    def linear(self) -> Array:
        """By leaving out one video after the other (the jackknife)."""
        _, videos = self.shape
        without_VS = np.concatenate([self.at(rows_RV) for rows_RV in _all_but_one(videos)])
        found = (videos - 1) * (self.at(np.ones((1, videos))) - without_VS).T
        centred: Array = found - found.mean(axis=1, keepdims=True)
        return centred

    def joined(self, other: "Ranking") -> "Ranking":
        pairs = zip(self.seeds, other.seeds, strict=True)
        return Ranking(units=self.units, seeds=tuple(ours.joined(theirs) for ours, theirs in pairs))


def ranking(instances: Mapping[int, pd.DataFrame]) -> Ranking:
    """From each seed's rows of instances.parquet with their `video`. Raises ValueError where seeds have other images."""
    images = {seed: rows[["video", "image"]].drop_duplicates().sort_values(["video", "image"]) for seed, rows in instances.items()}
    first, *others = images.values()
    for seed, found in images.items():
        if not np.array_equal(found.to_numpy(), first.to_numpy()):
            raise ValueError(f"seed {seed} has other images than seed {next(iter(images))}; score every seed on the same data")
    videos = pd.Index(first["video"].unique())
    units = pd.MultiIndex.from_arrays(
        [np.repeat(list(images), len(first)), *(np.tile(first[name], 1 + len(others)) for name in ("video", "image"))], names=UNIT
    )
    return Ranking(units=units, seeds=tuple(_ranked(rows, videos) for rows in instances.values()))


def _ranked(instances: pd.DataFrame, videos: pd.Index) -> Ranked:
    by_image = average_precision.ranked(instances)
    first_N, crowd_N = ~by_image["image"].duplicated().to_numpy(), np.zeros(len(by_image), np.bool_)
    right_TN = average_precision.matches(average_precision.iou(by_image, crowd_N), first_N, crowd_N)
    order_N = np.argsort(-by_image["score"].to_numpy(np.float64), kind="stable")
    return Ranked(
        score_N=by_image["score"].to_numpy(np.float64)[order_N],
        video_N=videos.get_indexer(pd.Index(by_image["video"]))[order_N].astype(np.int64),
        right_TN=right_TN[:, order_N],
        images_V=np.asarray(by_image.groupby("video")["image"].nunique().reindex(videos), np.float64),
    )


def _average(weights_RN: Array, said_RN: Array, images_R: Array, right_N: NDArray[np.bool_]) -> Array:
    """AP [R] at one threshold. The interpolated precision is highest at a right query, so only these are looked at."""
    right_RM = weights_RN[:, right_N].cumsum(axis=1)
    said_RM = said_RN[:, right_N]
    precision_RM = np.divide(right_RM, said_RM, out=np.zeros(right_RM.shape), where=said_RM > 0)
    best_RM = np.maximum.accumulate(precision_RM[:, ::-1], axis=1)[:, ::-1]
    # A recall that is never reached has the precision 0.
    padded_RM = np.pad(best_RM, ((0, 0), (0, 1)))
    recall_RM = np.divide(right_RM, images_R[:, None], out=np.full(right_RM.shape, np.nan), where=images_R[:, None] > 0)
    ranks = [np.searchsorted(recall_M, RECALLS, side="left") for recall_M in recall_RM]
    found = np.array([best_M[rank].mean() for best_M, rank in zip(padded_RM, ranks, strict=True)])
    return np.where(images_R > 0, found, np.nan)


def _all_but_one(videos: int) -> Iterator[Array]:
    """Rows of weights, each without one video, a few at a time."""
    step = max(CHUNK // videos, 1)
    for start in range(0, videos, step):
        rows = np.arange(start, min(start + step, videos))
        weights_RV = np.ones((len(rows), videos))
        weights_RV[np.arange(len(rows)), rows] = 0
        yield weights_RV
