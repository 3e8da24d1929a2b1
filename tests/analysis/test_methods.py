"""Methods that were scored and logged become rows of a study's tables. Oracle: the fixture's frames, and values worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from vdit.track.entry import Measurement
from vdit.track.mlflow import MLflow
from vdit_analysis import outputs, render, trace
from vdit_analysis.outputs import Outputs
from vdit_analysis.rows import same_frames
from vdit_analysis.runs import StudyRuns
from vdit_analysis.runs import load as load_study

STUDY = "beside"
Load = Callable[[str], StudyRuns]
Plan = Callable[..., dict[str, Any]]
METHODS = ("SgMg", "ReferFormer", "elsewhere", "as detections", "never logged")


def measurement(method: str, predictions: str, seed: int = 0, protocol: str = "per-expression", rows: str = "scores") -> Measurement:
    return Measurement(method, seed, protocol, rows, "c" * 64, "f" * 64, predictions)


@pytest.fixture(scope="module")
def runs(recorded: SimpleNamespace, load: Load, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> StudyRuns:
    """A study of one arm and five methods, of which SgMg was logged twice with different masks and ReferFormer with two seeds."""
    folder = tmp_path_factory.mktemp("method")
    record = MLflow(recorded.uri, recorded.folder)
    record.study({**plan(STUDY, {"VD-IT": "VD-IT"}, [0]), "methods": list(METHODS)})
    truth = load("full").trials["VD-IT", 0].frame("scores")

    def log(what: Measurement, rows: pd.DataFrame) -> None:
        (folder / "result.json").write_text('{"metrics": {"P@0.5": 0.5}, "steps": 0}')
        (folder / "config.json").write_text("{}")
        rows.to_parquet(folder / f"{what.rows}.parquet")
        record.measured(what, folder)
        (folder / f"{what.rows}.parquet").unlink()

    log(measurement("SgMg", "old"), truth.assign(j=0.1, f=0.1))
    log(measurement("SgMg", "new"), truth.assign(j=0.5, f=0.7))
    log(measurement("ReferFormer", "first"), truth.assign(j=0.4, f=0.4))
    log(measurement("ReferFormer", "second", seed=1), truth.assign(j=0.6, f=0.6))
    log(measurement("elsewhere", "masks"), truth.assign(area_truth=99))
    log(measurement("as detections", "results", protocol="detections", rows="instances"), pd.DataFrame({"image": ["a"]}))
    record.close("FINISHED")
    return load_study(STUDY, recorded.uri)


@pytest.fixture(scope="module")
def made(runs: StudyRuns, published: Path) -> Outputs:
    return outputs.build(runs, published)


def test_a_method_has_a_measured_row(made: Outputs) -> None:
    table = made.tables[0]
    cell = table.cell("ReferFormer", "JF")
    assert cell is not None and cell.state == "measured"
    assert [source.value for source in cell.sources] == pytest.approx([40, 60])
    assert cell.mean == pytest.approx(50)
    row = table.row("ReferFormer")
    assert row is not None and "protocol per-expression" in row.note
    assert row.marks == (False, False, False)
    assert "| ReferFormer<sup>" in render.markdown(table)


def test_a_method_of_the_paper_stands_beside_its_number_with_its_newest_masks(made: Outputs) -> None:
    table = next(table for table in made.tables if table.name == "table5")
    cell = table.cell("SgMg", "D1")
    assert cell is not None and (cell.published, cell.state) == (7.24, "measured")
    assert [source.trial.tags["vdit.predictions"] for source in cell.sources] == ["new"]
    assert table.rows[0].name == "SgMg"


def test_another_truth_is_refused_with_its_first_frame(made: Outputs) -> None:
    cell = made.tables[0].cell("elsewhere", "J")
    assert cell is not None and cell.state == "incomplete"
    assert "the true mask of clip/0/00000 is another (8 such frames)" in cell.why


def test_rows_of_which_no_table_is_made_are_refused(made: Outputs) -> None:
    cell = made.tables[0].cell("as detections", "J")
    assert (
        cell is not None
        and "Logged under protocol detections only" in cell.why
        and "vdit score masks --protocol per-expression" in cell.why
    )


def test_a_method_that_is_not_logged_is_missing(made: Outputs) -> None:
    cell = made.tables[0].cell("never logged", "J")
    assert cell is not None and (cell.state, cell.planned) == ("incomplete", 1)
    assert "--log 'never logged'" in cell.why
    assert not made.complete


def test_methods_are_no_arms(runs: StudyRuns, made: Outputs) -> None:
    assert runs.arms == ("VD-IT",) and runs.complete
    assert all(set(figure.curves.arms) == {"VD-IT"} for figure in made.figures)
    assert "different data sets" not in runs.notice


def test_a_methods_number_is_traced_to_its_run(runs: StudyRuns, made: Outputs) -> None:
    chain = trace.trace(runs, made.tables, "table3:ReferFormer:JF")
    assert [step.run_id for step in chain.steps] == [trial.run_id for trial in runs.of("ReferFormer")]
    assert chain.missing == ()


def test_without_a_finished_trial_there_is_no_truth_to_compare(runs: StudyRuns) -> None:
    empty = replace(runs, trials={})
    assert len(runs.of("ReferFormer")) == 2 and empty.of("ReferFormer") == ()
    assert "No trial of this study has finished" in empty.refusals("ReferFormer")[0]


FRAMES = pd.DataFrame({"video": "v", "expression": "0", "frame": ["00000", "00005"], "area_truth": [4, 5]})


def test_the_same_frames_in_any_order_are_the_same_truth() -> None:
    assert same_frames(FRAMES[::-1].assign(j=0.5), FRAMES) == ""


def test_what_differs_is_named() -> None:
    assert same_frames(FRAMES[:1], FRAMES) == "only the study has v/0/00005 (1 such frames)"
    assert same_frames(FRAMES, FRAMES[:1]) == "only the method has v/0/00005 (1 such frames)"
    assert same_frames(FRAMES.assign(area_truth=[4, 6]), FRAMES) == "the true mask of v/0/00005 is another (1 such frames)"
