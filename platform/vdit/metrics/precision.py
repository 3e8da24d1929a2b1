"""Precision@K: how many instances have an IoU above K (measured with Table 2 on A2D-Sentences and JHMDB-Sentences; not printed there)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vdit.metrics._instances import iou, top

UNIT = "ratio in [0, 1]"

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


def measure(instances: pd.DataFrame) -> Mapping[float, float]:
    """By threshold, the share of images whose best query lies strictly above it, from the rows of instances.parquet.

    The IoU is rounded to float32 and compared as float64 (metrics/_instances.py). Raises ValueError without rows.
    """
    values = iou(top(instances))
    return {threshold: float(np.mean(values > threshold)) for threshold in THRESHOLDS}
