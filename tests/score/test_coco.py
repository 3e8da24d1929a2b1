"""Ground truth and results read entry by entry: what is in them, and what is said of damaged ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from vdit.benchmarks._outlines import Runs
from vdit.score.coco import Prediction, name, predictions, truths

SQUARE = [[0, 0, 4, 0, 4, 4, 0, 4]]
RUNS = {"size": [10, 10], "counts": [0, 20, 80]}


def listing(**changed: Any) -> dict[str, Any]:
    images = [{"id": 1, "height": 10, "width": 10}, {"id": 2, "height": 10, "width": 10}]
    annotations = [{"image_id": 1, "segmentation": SQUARE, "iscrowd": 0, "area": 15.5}, {"image_id": 2, "segmentation": RUNS, "iscrowd": 1}]
    return {"images": images, "annotations": annotations} | changed


def written(folder: Path, content: object) -> Path:
    path = folder / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refused(folder: Path, **changed: Any) -> str:
    with pytest.raises(ValueError) as error:
        truths(written(folder, listing(**changed)))
    return str(error.value).removeprefix(str(folder))


def test_polygons_and_run_lengths_of_each_image(tmp_path: Path) -> None:
    found = truths(written(tmp_path, listing()))
    assert [(key, own.outline.pixels, own.area, own.crowd) for key, own in found.items()] == [(1, 16, 15.5, False), (2, 20, 20, True)]


def test_numbers_are_named_so_that_names_are_in_their_order() -> None:
    assert sorted([name(10), name(2)]) == [name(2), name(10)] == ["000000000002", "000000000010"]
    assert name("v_1_f_20") == "v_1_f_20"


def test_each_image_has_one_truth(tmp_path: Path) -> None:
    image, (first, second) = listing()["images"][0], listing()["annotations"]
    assert "annotations.1: image 1 has a truth already" in refused(tmp_path, annotations=[first, {**second, "image_id": 1}])
    assert "image 2 has no annotation (1 such)" in refused(tmp_path, annotations=[first])
    assert "annotations.1.image_id is 3, images has no such id" in refused(tmp_path, annotations=[first, {**second, "image_id": 3}])
    assert "images has 2 entries with 1 ids" in refused(tmp_path, images=[image, image])
    assert "images has 0 entries" in refused(tmp_path, images=[], annotations=[])
    assert "some ids of images are numbers and some are text" in refused(tmp_path, images=[image, {**image, "id": "1"}])


def test_a_damaged_truth_names_its_place(tmp_path: Path) -> None:
    first = listing()["annotations"][0]
    assert "annotations.1.image_id" in refused(tmp_path, annotations=[first, {"segmentation": RUNS}])
    assert "runs of 99 pixels together" in refused(tmp_path, annotations=[{**first, "segmentation": {"size": [10, 10], "counts": [99]}}])
    assert "images.0.height" in refused(tmp_path, images=[{"id": 1, "height": 0, "width": 10}])
    for content in ("{", "[]", '"text"'):
        with pytest.raises(ValueError, match=r"file\.json: "):
            truths(written(tmp_path, content))
    with pytest.raises(ValueError, match="No such file"):
        truths(tmp_path / "absent.json")


def test_results_one_by_one_with_blanks_anywhere(tmp_path: Path) -> None:
    content = f' [ {{"image_id": 1, "score": 1, "segmentation": {json.dumps(RUNS)}}} ,\n\t{{"score": 0.5}}] '
    (place, first), (_, second) = predictions(written(tmp_path, content))
    assert place == f"{tmp_path / 'file.json'}: entry 0"
    assert first == Prediction(1, 1.0, Runs((10, 10), [0, 20, 80]))
    assert isinstance(second, ValueError) and "image_id: Field required" in str(second)
    assert list(predictions(written(tmp_path, "[]"))) == []


@pytest.mark.parametrize("score", ["NaN", "Infinity", '"0.5"', "true", "null"])
def test_a_bad_score_is_named(tmp_path: Path, score: str) -> None:
    ((_, found),) = predictions(written(tmp_path, f'[{{"image_id": 1, "score": {score}, "segmentation": {json.dumps(RUNS)}}}]'))
    assert isinstance(found, ValueError) and "score: Input should be a" in str(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "this begins with ''"),
        ("{}", "this begins with '{}'"),
        ('[{"image_id": 1', "invalid JSON"),
        ("[{}", "the list ends at"),
        ("[{},", "invalid JSON"),
        ("[{},]", "invalid JSON"),
        ("[{} {}]", "the list ends at"),
        ("[{}] []", "the list ends at"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"file.json: .*{said}".replace("[]", r"\[\]")):
        list(predictions(written(tmp_path, content)))


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(b'["\xff"]')
    with pytest.raises(ValueError, match="not UTF-8 text at byte 2"):
        list(predictions(tmp_path / "file.json"))
