"""High-quality ratio (Table 6): how many of the masks with an IoU above one half have one above 0.9."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

UNIT = "%"

GOOD, VERY_GOOD = 0.5, 0.9


def measure(scores: pd.DataFrame) -> float:
    """The ratio over all frames of all expressions, from the rows of scores.parquet; NaN if no J is above one half."""
    return ratio(scores["j"])


def per_expression(scores: pd.DataFrame) -> float:
    """The ratio of expressions by their mean J, the other reading of "masks"."""
    return ratio(scores.groupby(["video", "expression"])["j"].mean())


def ratio(j: ArrayLike) -> float:
    """100 #(J > 0.9) / #(J > 0.5), both strict; NaN if no J is above one half."""
    values = np.asarray(j, np.float64)
    good = np.count_nonzero(values > GOOD)
    return 100 * np.count_nonzero(values > VERY_GOOD) / good if good else float("nan")
