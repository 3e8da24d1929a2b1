"""Mean average precision over the IoU thresholds .50:.05:.95 (Table 2), by the rules of COCO's evaluation.

All queries of all images are ranked by score. A query is right if it is the best ranked of its image to reach the IoU; the precision at a
recall is the highest at that recall or beyond, averaged over 101 recalls. Unlike elsewhere an IoU of two empty masks is 0.

T thresholds, N queries.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNIT = "ratio in [0, 1]"

Size: TypeAlias = Literal["all", "small", "medium", "large"]
# Areas in pixels, both ends included.
SIZES: Mapping[Size, tuple[float, float]] = MappingProxyType(
    {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
)
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
# More queries of an image are not looked at.
MOST = 100


def measure(instances: pd.DataFrame) -> float:
    """mAP from the rows of instances.parquet, all queries of each image; NaN without rows."""
    return float(np.mean(by_threshold(instances)))


def by_threshold(instances: pd.DataFrame, size: Size = "all") -> NDArray[np.float64]:
    """AP at each of THRESHOLDS; NaN where no truth counts.

    Images tie in the order of their names. A column `crowd` marks images whose truth is a crowd: what lies in it counts neither for nor
    against. For that and for a size other than "all", `area_truth` and `area_prediction` are needed: a truth of another size, and a query
    of another size that matches nothing, do not count either. Raises ValueError where such a column is missing.
    """
    return by_size(instances, (size,))[size]


def by_size(instances: pd.DataFrame, sizes: Sequence[Size]) -> dict[Size, NDArray[np.float64]]:
    """The same for several sizes, ranked and matched once."""
    for size in sizes:
        _check(instances, size)
    queries = ranked(instances)
    crowd_N = queries["crowd"].to_numpy(np.bool_) if "crowd" in queries else np.zeros(len(queries), np.bool_)
    first_N = ~queries["image"].duplicated().to_numpy()
    matched_TN = matches(iou(queries, crowd_N), first_N, crowd_N)
    by_score_N = np.argsort(-queries["score"].to_numpy(np.float64), kind="stable")
    found: dict[Size, NDArray[np.float64]] = {}
    for size in sizes:
        aside_N = crowd_N | _outside(queries, "area_truth", size)
        ignored_TN = np.where(matched_TN, aside_N, _outside(queries, "area_prediction", size))
        truths = int(np.count_nonzero(first_N & ~aside_N))
        found[size] = _average(matched_TN[:, by_score_N], ignored_TN[:, by_score_N], truths)
    return found


def _check(instances: pd.DataFrame, size: Size) -> None:
    needed = {"area_truth", "area_prediction"} if size != "all" else {"area_prediction"} if "crowd" in instances else set()
    missing = sorted(needed - set(instances.columns))
    if missing:
        raise ValueError(f"instances lack the column {missing[0]!r}, which AP by size or with crowds needs; add it, or measure size 'all'")


def ranked(instances: pd.DataFrame) -> pd.DataFrame:
    """Image by image, the highest score first, of equal ones the first listed."""
    ordered = instances.sort_values(["image", "score", "query"], ascending=[True, False, True], kind="stable")
    return ordered[ordered.groupby("image", sort=False).cumcount() < MOST]


def iou(ranked: pd.DataFrame, crowd_N: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intersection over union; with a crowd, over the query's area."""
    whole = ranked["union"].to_numpy(np.int64)
    if crowd_N.any():
        whole = np.where(crowd_N, ranked["area_prediction"].to_numpy(np.int64), whole)
    found: NDArray[np.float64] = np.divide(ranked["intersection"].to_numpy(np.int64), whole, out=np.zeros(len(ranked)), where=whole > 0)
    return found


def matches(iou_N: NDArray[np.float64], first_N: NDArray[np.bool_], crowd_N: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a query is the first of its image to reach the threshold; a crowd takes every one that does. `first_N` begins an image."""
    hit_TN = iou_N >= THRESHOLDS[:, None]
    so_far_TN = hit_TN.cumsum(axis=1)
    start_N = np.maximum.accumulate(np.where(first_N, np.arange(len(first_N)), 0))
    before_TN = so_far_TN[:, start_N] - hit_TN[:, start_N]
    matched: NDArray[np.bool_] = hit_TN & (crowd_N | (so_far_TN - before_TN == 1))
    return matched


def _outside(ranked: pd.DataFrame, column: str, size: Size) -> NDArray[np.bool_]:
    if size == "all":
        return np.zeros(len(ranked), np.bool_)
    low, high = SIZES[size]
    area = ranked[column].to_numpy(np.float64)
    outside: NDArray[np.bool_] = (area < low) | (area > high)
    return outside


def _average(matched_TN: NDArray[np.bool_], ignored_TN: NDArray[np.bool_], truths: int) -> NDArray[np.float64]:
    """The mean of the interpolated precision over RECALLS, of queries ranked by score."""
    if not truths:
        return np.full(len(THRESHOLDS), np.nan)
    right_TN = (matched_TN & ~ignored_TN).cumsum(axis=1)
    wrong_TN = (~matched_TN & ~ignored_TN).cumsum(axis=1)
    precision_TN = right_TN / (wrong_TN + right_TN + np.spacing(1))
    best_TN = np.maximum.accumulate(precision_TN[:, ::-1], axis=1)[:, ::-1]
    # A recall that is never reached has the precision 0, which stands behind the last rank.
    padded_TN = np.pad(best_TN, ((0, 0), (0, 1)))
    reached = [np.searchsorted(recall_N, RECALLS, side="left") for recall_N in right_TN / truths]
    return np.array([best_N[ranks].mean() for best_N, ranks in zip(padded_TN, reached, strict=True)])
