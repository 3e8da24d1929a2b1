"""`vdit score detections`: what it prints, writes, records and refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from vdit.cli import app
from vdit.commands.score import report
from vdit.record import scores
from vdit.score import result as scored
from vdit.track.mlflow import MLflow, default_uri

BOX = {"size": [10, 10], "counts": [0, 20, 80]}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    truth = {"images": [{"id": 1, "height": 10, "width": 10}], "annotations": [{"image_id": 1, "segmentation": BOX}]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps([{"image_id": 1, "score": 0.5, "segmentation": BOX}]))
    return ["detections", "--truth", str(tmp_path / "truth.json"), "--predictions", str(tmp_path / "results.json")]


def run(folder: Path, files: list[str], *more: str) -> Result:
    return CliRunner().invoke(app, ["--runs", str(folder / "runs"), "score", *files, *more])


def test_people_read_the_protocol_and_percent(files: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, files)
    assert done.exit_code == 0, done.output
    assert "best-scored query" in done.output and "1/1 predictions found" in done.output
    assert [line.split() for line in done.output.splitlines() if "mean_iou" in line] == [["mean_iou", "100.00"]]
    assert not (tmp_path / "runs").exists()


def test_programs_read_full_precision(files: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, files, "--json", "--out", str(tmp_path / "mine.parquet"))
    numbers = json.loads(done.stdout)
    assert (numbers["overall_iou"], numbers["mAP M"], numbers["instances"]) == (1, -1, 1)
    assert (numbers["found"], numbers["predictions"]) == ([1, 1], 1)
    assert scores.read(tmp_path / "mine.parquet")["intersection"].tolist() == [20]


@pytest.mark.parametrize(("name", "fits"), [("scores", False), ("light", False), ("instances", True), ("mine", True)])
def test_a_name_that_means_other_rows_is_refused_before_scoring(files: list[str], tmp_path: Path, name: str, fits: bool) -> None:
    if not fits:
        (tmp_path / "results.json").write_text("no JSON, which is not even looked at")
    done = run(tmp_path, files, "--out", str(tmp_path / f"{name}.parquet"))
    assert (done.exit_code == 0) == fits and (tmp_path / f"{name}.parquet").exists() == fits
    said = (f"{name}.parquet", f"rows of {name}", "instances.parquet")
    assert fits or all(part in str(done.exception) for part in said), done.exception


def test_an_undefined_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    """A bare NaN is no JSON."""
    numbers = {"mean_iou": float("nan"), "jf": {"v": {"J": [0.5, np.float64("nan")]}}, "instances": np.int64(2)}
    report(scored.Result(protocol="p", numbers=numbers, summary=pd.DataFrame(), rows=pd.DataFrame(), found=2, wanted=3), None, True)
    printed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert printed == {"found": [2, 3], "problems": [], "mean_iou": None, "jf": {"v": {"J": [0.5, None]}}, "instances": 2}


def test_a_name_records_the_method(files: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, files, "--log", "MTTR", "--seed", "2")
    assert done.exit_code == 0, done.output
    assert "recorded MTTR, seed 2" in done.stderr
    record = MLflow(default_uri(tmp_path / "runs"), tmp_path / "runs")
    (recorded,) = record.client.search_runs([record.experiment], "tags.`vdit.arm` = 'MTTR'")
    assert recorded.data.metrics["mean_iou"] == 1


def test_missing_predictions_are_told(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("[]")
    assert "1 missing" in str(run(tmp_path, files).exception)
    done = run(tmp_path, files, "--missing", "empty")
    assert done.exit_code == 0 and "0/1 predictions found" in done.output and "has no prediction for image 1" in done.stderr
