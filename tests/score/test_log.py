"""What `--log METHOD` records. Oracle: the files it was scored from, and MLflow's own client."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from vdit.record import scores
from vdit.score.log import Scored, content, log
from vdit.score.result import Result
from vdit.track.mlflow import MLflow, default_uri

ROWS = pd.DataFrame({"image": ["a"], "query": [0], "score": [0.5], "intersection": [3], "union": [4]})
NUMBERS = {"P@0.5": 1.0, "instances": 1, "protocol": "text", "jf": {"v": {"J": [0.5]}, "mean": 0.5}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def record(runs: Path) -> MLflow:
    return MLflow(default_uri(runs), runs)


@pytest.fixture
def scored(tmp_path: Path) -> Scored:
    (tmp_path / "truth.json").write_text("truth")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "masks.json").write_text("results")
    result = Result(protocol="says", numbers=NUMBERS, summary=pd.DataFrame(), rows=ROWS, found=1, wanted=1)
    return Scored("detections", tmp_path / "truth.json", tmp_path / "results", "instances", result)


def test_a_method_has_a_run_like_a_trials(scored: Scored, runs: Path, record: MLflow) -> None:
    measurement = log(scored, "MTTR", 3, runs, record)
    run = record.find(measurement.key)
    assert run is not None and run.info.status == "FINISHED"
    tags = run.data.tags
    assert [tags[f"vdit.{name}"] for name in ("kind", "arm", "seed", "protocol", "rows")] == [
        "method",
        "MTTR",
        "3",
        "detections",
        "instances",
    ]
    assert tags["vdit.data"] == hashlib.sha256(b"truth").hexdigest()
    assert run.data.metrics == {"P_0.5": 1, "instances": 1, "jf.mean": 0.5}
    files = {file.path for file in record.client.list_artifacts(run.info.run_id)}
    assert files == {"config.json", "result.json", "instances.parquet", "environment.json"}
    table = scores.read(Path(record.client.download_artifacts(run.info.run_id, "instances.parquet")))
    pd.testing.assert_frame_equal(table, ROWS)
    saved = json.loads(Path(record.client.download_artifacts(run.info.run_id, "result.json")).read_text())
    assert saved["metrics"] == {"P@0.5": 1.0, "instances": 1, "jf.mean": 0.5}


def test_the_same_twice_is_one_run_and_the_newest(scored: Scored, runs: Path, record: MLflow) -> None:
    def all_runs() -> list[str]:
        query = "tags.`vdit.arm` = 'ReferFormer' and tags.`vdit.kind` = 'method'"
        found = record.client.search_runs([record.experiment], query, order_by=["attributes.start_time DESC"])
        return [run.data.tags["vdit.predictions"] for run in found]

    log(scored, "ReferFormer", 0, runs, record)
    first = all_runs()
    log(scored, "ReferFormer", 0, runs, record)
    assert all_runs() == first and len(first) == 1
    masks = scored.predictions / "masks.json"
    masks.write_text("others")
    log(scored, "ReferFormer", 0, runs, record)
    assert len(all_runs()) == 2 and all_runs()[1] == first[0]
    masks.write_text("results")
    log(scored, "ReferFormer", 0, runs, record)
    assert len(all_runs()) == 2 and all_runs()[0] == first[0]


def test_the_key_holds_what_was_scored_and_how(scored: Scored, runs: Path, record: MLflow) -> None:
    one = log(scored, "A", 0, runs, record)
    assert len({one.key, log(scored, "B", 0, runs, record).key, log(scored, "A", 1, runs, record).key}) == 3


def test_content_is_that_of_a_file_or_of_all_files_of_a_folder(tmp_path: Path) -> None:
    data, manifests = tmp_path / "data", tmp_path / "manifests"
    data.mkdir()
    (data / "a").write_text("1")
    before = content(data, manifests)
    (data / "a").write_text("22")
    assert content(data, manifests) != before
    assert content(data / "a", manifests) == hashlib.sha256(b"22").hexdigest()


@pytest.mark.parametrize("name", ["", " ", " MTTR", "M\nTTR"])
def test_a_name_that_no_study_can_list_is_refused(name: str, scored: Scored, runs: Path, record: MLflow) -> None:
    with pytest.raises(ValueError, match="is no name of a method"):
        log(scored, name, 0, runs, record)
