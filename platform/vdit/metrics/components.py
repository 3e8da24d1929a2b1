"""J, F and J&F of a trial (Table 3, also Table 1): mean over frames, then over expressions."""

from typing import NamedTuple

import pandas as pd

UNIT = "%"


class Components(NamedTuple):
    j: float
    f: float
    jf: float


def measure(scores: pd.DataFrame) -> Components:
    """From the rows of scores.parquet. Every expression weighs the same, however long its video. Raises ValueError without rows."""
    if scores.empty:
        raise ValueError("the scores have no rows, a mean needs one; score at least one expression")
    means = scores.groupby(["video", "expression"])[["j", "f"]].mean().mean()
    j, f = 100 * float(means["j"]), 100 * float(means["f"])
    return Components(j, f, (j + f) / 2)
