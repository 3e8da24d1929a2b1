"""The Ref-DAVIS17 loader: both variants of its folders, four expressions an object, void, and what it says of data that cannot be used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import davis_tree
import numpy as np
import pytest
from PIL import Image
from refusals import refusal

from vdit.benchmarks import ref_davis17, ref_youtube_vos
from vdit.config.data import Data
from vdit.video import Expression

JSON = Path("meta_expressions/valid/meta_expressions.json")
MASK = Path("valid/Annotations/dogs-scale/00001.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return davis_tree.write_converted(tmp_path / "data")


def edit(root: Path, change: Callable[[dict], object]) -> None:
    """Changes the expressions of dogs-scale."""
    content = json.loads((root / JSON).read_text())
    change(content["videos"]["dogs-scale"]["expressions"])
    (root / JSON).write_text(json.dumps(content))


def test_both_variants_of_the_folders_are_read_alike(root: Path, tmp_path: Path) -> None:
    nested = davis_tree.write_converted(tmp_path / "nested", "480p")
    assert (nested / "valid/JPEGImages/480p/dogs-scale/00000.jpg").is_file()
    for split in ("train", "valid"):
        one, other = ref_davis17.read(root, split, 2), ref_davis17.read(nested, split, 2)
        assert one.videos == other.videos and one.items == other.items
        for video in one.videos:
            assert np.array_equal(one.frames(video, (0, 1)), other.frames(video, (0, 1)))
            assert np.array_equal(one.labels(video, (0, 1)), other.labels(video, (0, 1)))


def test_a_split_whose_masks_alone_are_nested_is_read(root: Path) -> None:
    shutil.move(root / "valid/Annotations", root / "valid/480p")
    (root / "valid/Annotations").mkdir()
    shutil.move(root / "valid/480p", root / "valid/Annotations/480p")
    assert ref_davis17.read(root, "valid", 5).labels(ref_davis17.read(root, "valid", 5).videos[0], (0,)).any()


def test_an_expression_knows_its_annotator_and_its_object(root: Path) -> None:
    """The tree says which annotator says what: nothing but the text is the oracle."""
    for video in ref_davis17.read(root, "valid", 5).videos:
        for expression in video.expressions:
            assert expression.text == davis_tree.said(video.id, expression.object, ref_davis17.annotator(expression))


def test_objects_come_in_the_order_of_their_ids_as_strings(root: Path) -> None:
    coat = ref_davis17.read(root, "valid", 5).videos[1]
    assert [said.object for said in coat.expressions][::4] == [1, 10, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [ref_davis17.annotator(Expression(key, "", 1)) for key in ("0", "3", "4", "39")] == [0, 3, 0, 3]


def test_objects_are_where_the_frame_is_as_bright_and_void_is_none(root: Path) -> None:
    split = ref_davis17.read(root, "valid", 5)
    dogs = split.videos[0]
    labels, bright = split.labels(dogs, (0, 1)), split.frames(dogs, (0, 1))[..., 0].astype(int)
    assert (np.asarray(Image.open(root / MASK)) == 255).any()
    assert set(np.unique(labels)) == {0, 1, 2}
    for key in (1, 2):
        mask = split.masks(dogs, (0, 1), key)
        assert np.array_equal(mask, labels == key) and mask.sum() == 2 * 20 * 3
        assert abs(bright[mask].mean() - 20 * key) < 10
    assert not split.masks(dogs, (0, 1), 255).any()


def test_without_meta_json_void_is_still_no_object(root: Path) -> None:
    (root / "valid/meta.json").unlink()
    assert len(ref_davis17.read(root, "valid", 5).videos) == 2
    edit(root, lambda said: [said[str(key)].update(obj_id="3") for key in range(4, 8)])
    assert "has the objects [1, 2]" in refusal(lambda: ref_davis17.read(root, "valid", 5))


def test_the_layout_is_that_of_ref_youtube_vos(root: Path) -> None:
    assert ref_youtube_vos.read(root, "valid", 5).videos == ref_davis17.read(root, "valid", 5).videos


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no such folder": (shutil.rmtree, ("no such data folder", "--data DIR")),
    "no such split": (lambda root: (root / JSON).unlink(), ("does not exist", "has the splits train")),
    "broken JSON": (lambda root: (root / JSON).write_text("{"), ("valid/meta_expressions.json: the file: Invalid JSON", "restore it")),
    "missing mask": (lambda root: (root / MASK).unlink(), (str(MASK), "does not exist (1 such)")),
    "unknown object": (lambda root: edit(root, lambda said: said["0"].update(obj_id="9")), ("expressions.0.obj_id is 9", "[1, 2]")),
    "an expression too few": (
        lambda root: edit(root, lambda said: said.pop("7")),
        ("dogs-scale.expressions has the ids 0, 1", "prepare davis"),
    ),
    "an id left out": (
        lambda root: edit(root, lambda said: said.update({"8": said.pop("3")})),
        ("has the ids 0, 1, 2, 4", "four for each"),
    ),
    "an id that is a word": (lambda root: edit(root, lambda said: said.update({"x": said.pop("3")})), ("has the ids 0, 1, 2, 4", "x,")),
    "two objects in a group": (
        lambda root: edit(root, lambda said: said["3"].update(obj_id="2")),
        ("dogs-scale.expressions: 0 to 3 name the objects [1, 2]", "prepare davis"),
    ),
    "an object in two groups": (
        lambda root: edit(root, lambda said: [said[str(key)].update(obj_id="1") for key in range(8)]),
        ("dogs-scale.expressions: 4 to 7 name the objects [1]", "no others name"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_listing_is_refused_when_read(root: Path, name: str) -> None:
    damage, said = BAD[name]
    damage(root)
    message = refusal(lambda: ref_davis17.read(root, "valid", 5))
    assert all(part in message for part in said), message


def test_a_truncated_mask_is_refused(root: Path) -> None:
    (root / MASK).write_bytes((root / MASK).read_bytes()[:-40])
    split = ref_davis17.read(root, "valid", 5)
    assert f"{root / MASK} cannot be read" in refusal(lambda: split.masks(split.videos[0], (1,), 1))


def test_a_mask_of_another_size_is_refused(root: Path) -> None:
    Image.new("P", (20, 10)).save(root / MASK)
    split = ref_davis17.read(root, "valid", 5)
    assert f"{root / MASK} is 20x10, its frame" in refusal(lambda: split.labels(split.videos[0], (1,)))


def test_locate_wants_an_existing_folder(root: Path) -> None:
    assert ref_davis17.locate(Data(benchmark="ref_davis17"), root) == root
    assert "holds no ref_davis17" in refusal(lambda: ref_davis17.locate(Data(benchmark="ref_davis17"), root / "nothing"))
