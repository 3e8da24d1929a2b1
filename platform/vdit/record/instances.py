"""Rows of instances.parquet: the masks that an image's queries give, counted against its truth (Tables 2 and 4).

Q queries, H W pixels.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vdit.video import Masks


def rows(image: str, scores_Q: NDArray[np.float64], masks_QHW: Masks, truth_HW: Masks) -> pd.DataFrame:
    """A row a query, in the order given: `query` counts from 0. Raises ValueError on other shapes."""
    if masks_QHW.shape != (len(scores_Q), *truth_HW.shape):
        given = f"masks {masks_QHW.shape} and {len(scores_Q)} scores against a truth {truth_HW.shape}"
        raise ValueError(f"{image} has {given}; give one mask of the truth's size a score")
    return pd.DataFrame(
        {
            "image": pd.Series([image] * len(scores_Q), dtype="str"),
            "query": np.arange(len(scores_Q), dtype=np.int64),
            "score": scores_Q.astype(np.float64),
            "intersection": np.count_nonzero(masks_QHW & truth_HW, axis=(1, 2)).astype(np.int64),
            "union": np.count_nonzero(masks_QHW | truth_HW, axis=(1, 2)).astype(np.int64),
        }
    )
