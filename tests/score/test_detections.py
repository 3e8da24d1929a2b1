"""Detections scored end to end: the public evaluators' recorded numbers, and what is refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdit.record import scores
from vdit.score.detections import COLUMNS, score
from vdit.score.result import Options, Result

REFUSE, EMPTY = Options(missing="refuse"), Options(missing="empty")
BOX = {"size": [10, 10], "counts": [0, 20, 80]}
HALF = {"size": [10, 10], "counts": [0, 10, 90]}


def found(folder: Path, truth: object, results: object, options: Options = REFUSE) -> Result:
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "results.json").write_text(json.dumps(results))
    return score(folder / "truth.json", folder / "results.json", options)


def truth(images: int = 2) -> dict[str, Any]:
    listed = [{"id": number, "height": 10, "width": 10} for number in range(1, images + 1)]
    return {"images": listed, "annotations": [{"image_id": image["id"], "segmentation": BOX} for image in listed]}


def result(image: int, score_: float = 0.5, segmentation: object = BOX) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "score": score_, "segmentation": segmentation}


@pytest.mark.parametrize("name", ["a2d", "jhmdb", "refcoco", "exact_thresholds"])
def test_equal_to_the_public_evaluators(name: str, shared: Path, tmp_path: Path) -> None:
    with gzip.open(shared / "cases/instance_cases.json.gz") as file:
        case = json.load(file)[name]
    expected = json.loads((shared / "cases/expected.json").read_text())["instances"][name]
    numbers = found(tmp_path, case["gt"], case["pred"]).numbers
    assert list(numbers) == list(expected)
    np.testing.assert_allclose(list(numbers.values()), list(expected.values()), rtol=0, atol=1e-9)


def test_rows_are_those_of_instances_parquet_and_say_who_was_listed_first(tmp_path: Path) -> None:
    rows = found(tmp_path, truth(), [result(2, 0.1), result(1, 0.9), result(2, 0.8, HALF)]).rows
    one, two = "000000000001", "000000000002"
    assert rows.values.tolist() == [[two, 0, 0.1, 20, 20], [one, 0, 0.9, 20, 20], [two, 1, 0.8, 10, 20]]
    scores.write(tmp_path / "instances.parquet", rows)
    assert scores.read(tmp_path / "instances.parquet").columns.tolist() == COLUMNS


def test_of_equal_scores_the_last_listed_is_the_answer(tmp_path: Path) -> None:
    assert found(tmp_path, truth(1), [result(1, 0.5, HALF), result(1, 0.5)]).numbers["overall_iou"] == 1
    assert found(tmp_path, truth(1), [result(1, 0.5), result(1, 0.5, HALF)]).numbers["overall_iou"] == 0.5


def test_whatever_is_wrong_is_counted_and_named(tmp_path: Path) -> None:
    wrong = [
        result(1, 0.5, {"size": [10, 10], "counts": "0"}),
        result(1, 0.5, {"size": [10, 9], "counts": [90]}),
        result(7),
        {"image_id": 1, "score": 0.5},
    ]
    with pytest.raises(ValueError) as error:
        found(tmp_path, truth(), [result(1), *wrong])
    said = str(error.value)
    assert "1 missing, 1 unknown, 3 unusable" in said
    assert "results.json: entry 1 segmentation has runs of" in said
    assert "entry 2 segmentation is for a 9x10 image, its image is 10x10" in said
    assert "entry 3 is for image 7, which the truth has not" in said
    assert "entry 4 segmentation: Field required" in said or "and 1 more" in said


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_beyond_all_bounds_is_named(tmp_path: Path, digits: int) -> None:
    entry = json.dumps([result(1, 0.5, [[1, 1, 5, 1, 5, 777]])]).replace("777", "7" * digits)
    (tmp_path / "truth.json").write_text(json.dumps(truth(1)))
    (tmp_path / "results.json").write_text(entry)
    with pytest.raises(ValueError, match=r"results\.json: (entry 0|invalid JSON)"):
        score(tmp_path / "truth.json", tmp_path / "results.json", EMPTY)


def test_a_missing_image_is_refused_or_scored_as_empty(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1 missing .*has no prediction for image 2"):
        found(tmp_path, truth(), [result(1)])
    lacking = found(tmp_path, truth(), [result(1)], EMPTY)
    assert (lacking.found, lacking.wanted, len(lacking.problems)) == (1, 2, 1)
    # Half of the truth is never found: precision 1 up to recall 1/2, then 0.
    assert lacking.numbers["mAP 0.5:0.95"] == pytest.approx(51 / 101)
    assert lacking.numbers["overall_iou"] == pytest.approx(20 / 40)
    assert lacking.numbers["predictions"] == 1


def test_missing_as_empty_forgives_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 unusable"):
        found(tmp_path, truth(), [result(1), result(2, float("nan"))], EMPTY)


def test_ids_may_be_text(tmp_path: Path) -> None:
    listed = truth(1)
    listed["images"][0]["id"] = listed["annotations"][0]["image_id"] = "v_1_f_20_i_0"
    assert found(tmp_path, listed, [{**result(1), "image_id": "v_1_f_20_i_0"}]).numbers["mean_iou"] == 1
