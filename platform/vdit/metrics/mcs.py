"""Mask consistency score (Miao et al., TCSVT 2024), beside Table 5: expressions whose every mask is good, not only the average one."""

import pandas as pd

from vdit.metrics.consistency import in_order

UNIT = "%"

# The threshold of the published numbers' code.
THRESHOLD = 0.9


def measure(scores: pd.DataFrame, threshold: float = THRESHOLD, frames: int | None = None) -> float:
    """Share of expressions with J above the threshold (strictly) in every frame, from the rows of scores.parquet.

    With `frames`, each expression is cut into clips of that many frames, the last one shorter, and the share is one of clips.
    Raises ValueError without rows, and for clips below one frame.
    """
    if scores.empty:
        raise ValueError("the scores have no rows, a share needs one; score at least one expression")
    if frames is not None and frames < 1:
        raise ValueError(f"clips of {frames} frames; give 1 or more")
    ordered = in_order(scores)
    position = ordered.groupby(["video", "expression"]).cumcount()
    clip = position // frames if frames is not None else position * 0
    good = (ordered["j"] > threshold).groupby([ordered["video"], ordered["expression"], clip.rename("clip")]).all()
    return 100 * float(good.mean())
