"""Methods that were scored (`vdit score --log`), not trained here: whether they belong beside a study's trials (docs/scoring.md)."""

import pandas as pd

FRAME = ["video", "expression", "frame"]


def difference(method: pd.DataFrame, trial: pd.DataFrame) -> str:
    """Why the two scores.parquet are not of the same truth; "" where they have the same frames with the same areas of the true masks."""
    ours, theirs = (table.set_index(FRAME)["area_truth"].sort_index() for table in (trial, method))
    for whose, lone in (("the study", ours.index.difference(theirs.index)), ("the method", theirs.index.difference(ours.index))):
        if len(lone):
            return f"only {whose} has {'/'.join(map(str, lone[0]))} ({len(lone)} such frames)"
    other = ours.index[ours.to_numpy() != theirs.to_numpy()]
    return f"the true mask of {'/'.join(map(str, other[0]))} is another ({len(other)} such frames)" if len(other) else ""
