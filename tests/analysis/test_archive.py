"""The rows of a study's numbers outlive its runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from vdit_analysis import archive
from vdit_analysis.runs import StudyRuns

Load = Callable[[str], StudyRuns]


def test_every_row_of_every_trial_is_there_and_says_whose_it_is(load: Load, tmp_path: Path) -> None:
    runs = load("full")
    written = archive.write(runs, tmp_path)
    assert {path.name for path in written} >= {"scores.parquet", "light.parquet", "drift.parquet"}
    for path in written:
        kept = pd.read_parquet(path)
        for (arm, seed), trial in runs.trials.items():
            own = trial.frame(path.stem)
            found = kept[kept["arm"].eq(arm) & kept["seed"].eq(seed)]
            assert set(found["run"]) == {trial.run_id}
            pd.testing.assert_frame_equal(found[own.columns].reset_index(drop=True), own.reset_index(drop=True))
        assert len(kept) == sum(len(trial.frame(path.stem)) for trial in runs.trials.values())


def test_a_file_that_no_trial_has_is_not_written(load: Load, tmp_path: Path) -> None:
    names = {path.name for path in archive.write(load("bare"), tmp_path)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert "scores.parquet" in names and not names & {"light.parquet", "instances.parquet"}


def test_what_only_other_studies_measure_is_not_written(load: Load, tmp_path: Path) -> None:
    runs = load("full")
    narrow = replace(runs, plan={**runs.plan, "measure": ["components", "light"]})
    written = {path.name for path in archive.write(runs, tmp_path / "all")}
    assert {path.name for path in archive.write(narrow, tmp_path / "narrow")} == written - {"drift.parquet"}


def test_a_table_can_be_made_again_of_what_is_kept(load: Load, tmp_path: Path) -> None:
    """J of an arm: the mean over expressions of the mean over their frames."""
    archive.write(load("full"), tmp_path)
    kept = pd.read_parquet(tmp_path / "scores.parquet").query("arm == 'VD-T' and seed == 0")
    assert kept.groupby(["video", "expression"])["j"].mean().mean() == pytest.approx((0.6 + 0.45) / 2)
