"""Overall IoU of A2D-Sentences, JHMDB-Sentences (Table 2) and RefCOCO (Table 4): all intersections over all unions."""

import pandas as pd

from vdit.metrics._instances import top

UNIT = "ratio in [0, 1]"


def measure(instances: pd.DataFrame) -> float:
    """Sum of intersections over sum of unions of each image's best query, from the rows of instances.parquet.

    Large objects weigh more. NaN where every mask is empty. Raises ValueError without rows.
    """
    rows = top(instances)
    union = int(rows["union"].sum())
    return int(rows["intersection"].sum()) / union if union else float("nan")
