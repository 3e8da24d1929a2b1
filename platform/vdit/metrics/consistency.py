"""IoU difference between a frame and the one `interval` frames later (Table 5): how unsteady the masks are.

The paper names the quantity without a formula. Read here as the mean of |J(t) - J(t + k)| over an expression's annotated frames, then over
expressions: the IoU of two masks of the same video would change several times as much as Table 5 says, on the true masks already.
"""

from typing import Literal, TypeAlias

import pandas as pd

UNIT = "percentage points of J"

Kind: TypeAlias = Literal["mean", "pooled", "rms", "present"]


def measure(scores: pd.DataFrame, interval: int, kind: Kind = "mean") -> float:
    """D_k from the rows of scores.parquet, in any order; frames follow each other by name, "9" before "10".

    `mean`: within an expression, then over those longer than the interval.
    `pooled`: over all pairs of frames at once.
    `rms`: as `mean`, with the root of the mean square within an expression.
    `present`: as `mean`, of pairs in which the object is seen in both frames.

    NaN if there is no pair, as when no expression is longer than the interval. Raises ValueError for an interval below 1, and for
    `present` of scores that do not say where the object is seen (a server's log).
    """
    if interval < 1:
        raise ValueError(f"interval is {interval}; a frame is compared with a later one, give 1 or more")
    found = pairs(scores, interval)
    if kind == "present":
        if "both" not in found:
            raise ValueError("the scores have no column 'present', as a server's log has not; measure them as mean, pooled or rms")
        found = found[found["both"]]
    if kind == "pooled":
        return 100 * float(found["change"].mean())
    if kind == "rms":
        squares = (found["change"] ** 2).groupby([found["video"], found["expression"]])
        return 100 * float((squares.mean() ** 0.5).mean())
    return 100 * float(found.groupby(["video", "expression"])["change"].mean().mean())


def in_order(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows expression by expression, frame after frame."""
    # Longer names come later, so that numbers without leading zeros are in order too.
    return scores.assign(length=scores["frame"].str.len()).sort_values(["video", "expression", "length", "frame"])


def pairs(scores: pd.DataFrame, interval: int) -> pd.DataFrame:
    """A row per pair of frames `interval` apart: |difference of J| and, where the scores tell, whether the object is seen in both."""
    ordered = in_order(scores)
    later = ordered.groupby(["video", "expression"])[[name for name in ("j", "present") if name in ordered]].shift(-interval)
    ordered = ordered.assign(change=(ordered["j"] - later["j"]).abs())
    if "present" in ordered:
        ordered = ordered.assign(both=ordered["present"] & later["present"].eq(True))
    return ordered[later["j"].notna()]
