"""What is kept of a study when its runs are not: the rows behind its numbers, a Parquet file a quantity, each with arm, seed and run."""

import io
from pathlib import Path
from typing import get_args

import pandas as pd

from vdit.study.spec import Measure
from vdit_analysis.outputs import write_atomically
from vdit_analysis.runs import StudyRuns


def write(runs: StudyRuns, folder: Path) -> tuple[Path, ...]:
    """Writes the files that trials of the study have, over all its finished trials, and returns their paths.

    A trial that other studies share has rows of what they measure too; a file of a quantity that this one does not measure is left out.
    """
    elsewhere = set(get_args(Measure)) - set(runs.measure)
    names = sorted({name for trial in runs.trials.values() for name in trial.frames} - elsewhere)
    return tuple(_write(gathered(runs, name), folder / f"{name}.parquet") for name in names)


def gathered(runs: StudyRuns, name: str) -> pd.DataFrame:
    """The rows of one file of every trial that has it; a trial that two arms share is there under either."""
    there = (trial for trial in runs.trials.values() if name in trial.frames)
    return pd.concat([trial.frame(name).assign(arm=trial.arm, seed=trial.seed, run=trial.run_id) for trial in there], ignore_index=True)


def _write(rows: pd.DataFrame, path: Path) -> Path:
    content = io.BytesIO()
    rows.to_parquet(content, index=False, compression="zstd")
    return write_atomically(path, content.getvalue())
