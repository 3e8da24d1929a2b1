"""Ref-YouTube-VOS on a small tree in its layout: fixed objects, one mask per expression, and a split whose masks are not public."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.benchmarks import miniature, ref_youtube_vos
from vdit.config.data import World
from vdit.metrics import components
from vdit.record import scores
from vdit.score import ref_youtube_vos as protocol
from vdit.score.result import Options

TWO = Options(threads=2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    miniature.write(tmp_path / "data", World(train_videos=1, valid_videos=2, frames=4, height=32, width=64, objects=2))
    return tmp_path / "data"


@pytest.fixture
def predictions(data: Path, tmp_path: Path) -> Path:
    """Each expression's mask moved a pixel to the right, as the server takes it."""
    split = ref_youtube_vos.read(data, "valid", 1)
    for video in split.videos:
        for expression in video.expressions:
            masks = split.masks(video, tuple(range(len(video.frames))), expression.object)
            folder = tmp_path / "predictions" / "Annotations" / video.id / expression.id
            folder.mkdir(parents=True)
            for frame, mask in zip(video.frames, np.roll(masks, 1, axis=2), strict=True):
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{frame}.png")
    return tmp_path / "predictions"


def test_the_score_is_that_of_the_masks_themselves(data: Path, predictions: Path) -> None:
    result = protocol.score(data, predictions, TWO)
    split = ref_youtube_vos.read(data, "valid", 1)
    for video in split.videos:
        for expression in video.expressions:
            truth = split.masks(video, tuple(range(len(video.frames))), expression.object)
            wanted = scores.rows(video.id, expression.id, video.frames, np.roll(truth, 1, axis=2), truth)
            found = result.rows[(result.rows["video"] == video.id) & (result.rows["expression"] == expression.id)]
            assert found.reset_index(drop=True).equals(wanted)
    measured = components.measure(result.rows)
    assert (100 * result.numbers["J"], 100 * result.numbers["JF"]) == pytest.approx((measured.j, measured.jf), abs=1e-10)
    assert 0 < result.numbers["J"] < 1


def test_the_folder_inside_annotations_is_the_same(data: Path, predictions: Path) -> None:
    assert protocol.score(data, predictions / "Annotations", TWO).numbers == protocol.score(data, predictions, TWO).numbers


def test_what_is_missing_or_not_listed_is_named(data: Path, predictions: Path) -> None:
    video = next(entry for entry in sorted((predictions / "Annotations").iterdir()))
    shutil.copytree(video / "0", video / "99")
    shutil.rmtree(video / "1")
    with pytest.raises(ValueError, match=r"1 missing, 1 unknown.*99 is not listed.*none of the 4 masks"):
        protocol.score(data, predictions, TWO)
    result = protocol.score(data, predictions, Options(missing="empty"))
    assert result.wanted - result.found == 4
    assert (result.rows[(result.rows["video"] == video.name) & (result.rows["expression"] == "1")]["j"] == 0).any()


def test_a_split_without_public_masks_is_refused_with_the_reason(data: Path, predictions: Path) -> None:
    shutil.rmtree(data / "valid/Annotations")
    with pytest.raises(ValueError, match="Annotations does not exist: the masks of the official valid and test are not public"):
        protocol.score(data, predictions, TWO)


def test_a_listing_without_objects_is_refused_with_the_reason(data: Path, predictions: Path) -> None:
    path = data / "meta_expressions/valid/meta_expressions.json"
    listing = json.loads(path.read_text())
    for video in listing["videos"].values():
        for expression in video["expressions"].values():
            del expression["obj_id"]
    path.write_text(json.dumps(listing))
    with pytest.raises(ValueError, match="obj_id: the official valid and test hide their objects"):
        protocol.score(data, predictions, TWO)
