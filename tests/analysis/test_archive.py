"""The rows of a study's numbers outlive its runs."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from vdit.config.shipped import located
from vdit_analysis import archive, gate, outputs, report, runs
from vdit_analysis.runs import StudyRuns

Load = Callable[[str], StudyRuns]


def test_every_row_of_every_trial_is_there_and_says_whose_it_is(load: Load, tmp_path: Path) -> None:
    found = load("full")
    written = [path for path in archive.write(found, tmp_path) if path.suffix == ".parquet"]
    assert {path.name for path in written} >= {"scores.parquet", "light.parquet", "drift.parquet"}
    for path in written:
        kept = pd.read_parquet(path)
        for (arm, seed), trial in found.trials.items():
            own = trial.frame(path.stem)
            own_rows = kept[kept["arm"].eq(arm) & kept["seed"].eq(seed)]
            assert set(own_rows["run"]) == {trial.run_id}
            pd.testing.assert_frame_equal(own_rows[own.columns].reset_index(drop=True), own.reset_index(drop=True))
        assert len(kept) == sum(len(trial.frame(path.stem)) for trial in found.trials.values())


def test_a_file_that_no_trial_has_is_not_written(load: Load, tmp_path: Path) -> None:
    names = {path.name for path in archive.write(load("bare"), tmp_path)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert "scores.parquet" in names and not names & {"light.parquet", "instances.parquet"}


def test_what_only_other_studies_measure_is_not_written(load: Load, tmp_path: Path) -> None:
    full = load("full")
    narrow = replace(full, plan={**full.plan, "measure": ["components", "light"]})
    written = {path.name for path in archive.write(full, tmp_path / "all")}
    assert {path.name for path in archive.write(narrow, tmp_path / "narrow")} == written - {"drift.parquet"}


def test_a_table_can_be_made_again_of_what_is_kept(load: Load, tmp_path: Path) -> None:
    """J of an arm: the mean over expressions of the mean over their frames."""
    archive.write(load("full"), tmp_path)
    kept = pd.read_parquet(tmp_path / "scores.parquet").query("arm == 'VD-T' and seed == 0")
    assert kept.groupby(["video", "expression"])["j"].mean().mean() == pytest.approx((0.6 + 0.45) / 2)


@pytest.fixture
def kept(load: Load, tmp_path: Path) -> Path:
    archive.write(load("full"), tmp_path / "kept")
    return tmp_path / "kept"


@pytest.mark.parametrize("study", ["full", "shared", "twins", "accepted", "half"])
def test_tables_and_report_are_made_again_to_the_byte(load: Load, tmp_path: Path, published: Path, study: str) -> None:
    """Of the folder alone, as from MLflow; what a trial's place was on the machine that ran it is left out of both."""
    recorded = load(study)
    archive.write(recorded, tmp_path / "kept")
    again = runs.load(study, str(tmp_path / "kept"))
    assert (again.planned, again.trials.keys(), again.notice) == (recorded.planned, recorded.trials.keys(), recorded.notice)
    pages = []
    for name, found in (("recorded", recorded), ("again", again)):
        made = outputs.build(found, published)
        outputs.write(made, tmp_path / name)
        pages.append(report.page(found, made))
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in ("recorded", "again"))
    assert first and first == second
    assert pages[0] == pages[1]


def test_it_can_be_kept_again(load: Load, kept: Path, tmp_path: Path) -> None:
    archive.write(runs.load("full", str(kept)), tmp_path / "again")
    names = {path.name for path in kept.iterdir()}
    assert names == {path.name for path in (tmp_path / "again").iterdir()}
    assert all((kept / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


def test_places_on_the_machine_that_ran_it_are_not_kept(load: Load, kept: Path) -> None:
    content = json.loads((kept / "record.json").read_text())
    for run in content["runs"].values():
        config = run["documents"].get("config.json")
        assert config is None or config["trial"]["launch"] in ({"weights": ""}, {"weights": "shipped:miniature"})
    assert archive.portable({"trial": {"launch": {"weights": "shipped:miniature", "data": "/home"}}})["trial"] == {
        "launch": {"weights": "shipped:miniature"}
    }


def test_rows_that_were_changed_are_refused(kept: Path) -> None:
    rows = pd.read_parquet(kept / "scores.parquet")
    rows.assign(j=1.0).to_parquet(kept / "scores.parquet")
    with pytest.raises(ValueError, match=r"scores\.parquet is not what record\.json says it is \(SHA-256 [0-9a-f]{64}\); fetch the folder"):
        next(iter(runs.load("full", str(kept)).trials.values())).frame("scores")


@pytest.mark.parametrize(
    ("text", "said"), [("{", r"record\.json: Expecting"), ('{"format": 2}', r"record\.json has format 2, this version reads 1")]
)
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        runs.load("full", str(tmp_path))


def test_another_study_than_the_one_that_is_kept_is_not_there(kept: Path) -> None:
    with pytest.raises(ValueError, match=r"no study 'half' in .*kept"):
        runs.load("half", str(kept))


def test_the_gate_of_the_weights_is_kept_with_them(recorded: Any, tmp_path: Path) -> None:
    """Of weights in a folder, which is not there where the study is read again."""
    content = json.loads((located("shipped:miniature") / "gate.json").read_text())
    content["about"]["digest"] = "e" * 64
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/gate.json").write_text(json.dumps(content))
    found = runs.load("full", recorded.uri)
    for trial in found.trials.values():
        trial.document("config")["trial"]["launch"]["weights"] = str(tmp_path / "weights")
    gates = gate.found(found)
    assert len(gates) == 1
    archive.write(found, tmp_path / "kept")
    shutil.rmtree(tmp_path / "weights")
    assert gate.found(runs.load("full", str(tmp_path / "kept"))) == gates


def test_trials_with_other_columns_are_not_mixed(recorded: Any, tmp_path: Path) -> None:
    found = runs.load("full", recorded.uri)
    odd = list(found.trials.values())[1]
    frame = odd.frame("light")
    odd.record.files[odd.run_id, "light.parquet"] = frame.assign(more=1)
    with pytest.raises(ValueError, match=r"light\.parquet of .* differs in columns \(more\)"):
        archive.write(found, tmp_path)


def test_a_folder_without_a_record_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no record\.json; give a folder of `vdit report STUDY --to`"):
        runs.load("full", str(tmp_path))
