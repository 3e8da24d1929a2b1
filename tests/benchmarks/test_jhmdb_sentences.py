"""The JHMDB-Sentences loader: what it reads, and what it says of data that cannot be used. Oracle: the drawn tree (jhmdb_tree.py)."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jhmdb_tree
import numpy as np
import pytest
from PIL import Image
from refusals import refusal
from scipy.io import savemat

from vdit.benchmarks import jhmdb_sentences
from vdit.clips.annotated import centred
from vdit.clips.evaluation import evaluation_sample
from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.video import Item

FRAME = "Rename_Images/catch/catching/00004.png"
MAT = "puppet_mask/catch/catching/puppet_mask.mat"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jhmdb_tree.write(tmp_path_factory.mktemp("any_name"))


@pytest.fixture
def copy(tree: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tree, tmp_path / "data"))


def edit(root: Path, row: int, field: int, value: object) -> None:
    rows = json.loads((root / jhmdb_tree.JSON).read_text())
    rows[row][field] = value
    (root / jhmdb_tree.JSON).write_text(json.dumps(rows))


def test_a_listed_frame_is_a_video_of_the_frames_that_have_masks(tree: Path) -> None:
    split = jhmdb_sentences.read(tree, "test", 5)
    assert [video.id for video in split.videos] == ["v_catching_f_1", "v_catching_f_4", "v_catching_f_8", "v_going_f_2"]
    assert [video.annotated for video in split.videos] == [0, 3, 7, 1]
    assert [len(video.frames) for video in split.videos] == [8, 8, 8, 3]
    assert [[said.id for said in video.expressions] for video in split.videos] == [[video.id] for video in split.videos]
    assert split.videos[0].expressions[0].text == "A man  catching a ball"
    assert split.items == (Item(0, 0, 0), Item(1, 0, 3), Item(2, 0, 7), Item(3, 0, 1))
    assert split.evaluation == "detections"


def test_frames_count_from_one_and_masks_from_zero(tree: Path) -> None:
    split = jhmdb_sentences.read(tree, "test", 5)
    for video in split.videos:
        assert video.annotated is not None
        frames = split.frames(video, (video.annotated, 0, 0))
        assert np.array_equal(frames, [jhmdb_tree.picture(index) for index in (video.annotated, 0, 0)])
        mask = split.masks(video, (video.annotated,), video.expressions[0].object)
        assert mask.dtype == np.bool_ and np.array_equal(mask[0], jhmdb_tree.actor(video.annotated))
        assert np.array_equal(mask[0], frames[0][..., 0] > 200), "where the picture is red"


def test_other_frames_count_as_not_annotated(tree: Path) -> None:
    split = jhmdb_sentences.read(tree, "test", 5)
    masks = split.masks(split.videos[1], (2, 3, 4), 1)
    assert masks.any(axis=(1, 2)).tolist() == [False, True, False]


def test_a_window_ends_where_the_masks_end(tree: Path) -> None:
    split = jhmdb_sentences.read(tree, "test", 5)
    last = split.videos[2]
    window = centred(last, 5)
    assert window == (5, 6, 7, 7, 7), "there is a ninth frame without a mask"
    drawn = evaluation_sample(split, last, last.expressions[0], window, Evaluate(short_side=0), Data(benchmark="jhmdb_sentences"))
    assert drawn.annotated == 2 and drawn.valid_T.tolist() == [False, False, True, False, False]


def test_a_mask_of_one_frame_has_two_dimensions(copy: Path) -> None:
    savemat(copy / MAT, {"part_mask": jhmdb_tree.actor(0).astype(np.uint8)})
    split = jhmdb_sentences.read(copy, "test", 5)
    assert np.array_equal(split.masks(split.videos[0], (0,), 1)[0], jhmdb_tree.actor(0))
    assert f"{copy / MAT} has masks of 1 frames, the JSON lists 00004.png" in refusal(lambda: split.masks(split.videos[1], (3,), 1))


BAD_LISTINGS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no such folder": (shutil.rmtree, (f"{jhmdb_tree.JSON} does not exist", "--data DIR")),
    "malformed JSON": (lambda root: (root / jhmdb_tree.JSON).write_text("[["), (f"{jhmdb_tree.JSON}: the file: Invalid JSON",)),
    "no sentence": (lambda root: edit(root, 1, 4, ""), (f"{jhmdb_tree.JSON}: 1.4: String should match",)),
    "no frame": (lambda root: edit(root, 1, 1, "a/00001.jpg"), (f"{jhmdb_tree.JSON}: 1.1: String should match",)),
    "other folder": (lambda root: edit(root, 1, 1, "./frames/00001.png"), (": 1.1 is './frames/00001.png'", "through Rename_Images/")),
    "out of the folder": (
        lambda root: edit(root, 1, 2, "puppet_mask/../../secret.mat"),
        (": 1.2 is 'puppet_mask/../../secret.mat'", "through puppet_mask/"),
    ),
    "listed twice": (lambda root: edit(root, 1, 1, FRAME.replace("4", "1")), (": 1: v_catching_f_1 is listed before",)),
    "behind the end": (
        lambda root: edit(root, 2, 1, FRAME.replace("4", "9")),
        (": 2: frame 9 is listed, but the video has 8",),
    ),
    "missing frame": (lambda root: (root / FRAME).unlink(), (FRAME, "does not exist (1 such of its video)")),
    "missing masks": (lambda root: (root / MAT).unlink(), (MAT, "does not exist (1 such of its video)")),
    "more frames than there are": (lambda root: edit(root, 3, 3, 5), ("walk/going/00005.png", "does not exist (1 such of its video)")),
}


@pytest.mark.parametrize("name", BAD_LISTINGS)
def test_a_bad_listing_is_refused_when_read(copy: Path, name: str) -> None:
    damage, said = BAD_LISTINGS[name]
    damage(copy)
    message = refusal(lambda: jhmdb_sentences.read(copy, "test", 5))
    assert str(copy) in message and all(part in message for part in said), message


def test_there_is_no_other_split(tree: Path) -> None:
    assert "no split 'train'; its only one is 'test'" in refusal(lambda: jhmdb_sentences.read(tree, "train", 5))


BAD_MASKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no masks": (lambda path: savemat(path, {"other": np.zeros(3)}), "has no 'part_mask'"),
    "words": (lambda path: savemat(path, {"part_mask": "words"}), "has part_mask of shape (1,)"),
    "another size": (
        lambda path: savemat(path, {"part_mask": np.zeros((40, 64, 8), np.uint8)}),
        "has masks of 64x40, ",
    ),
    "no MATLAB file": (lambda path: path.write_bytes(b"nothing"), "cannot be read"),
    "a MATLAB 7.3 file": (lambda path: path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)), "cannot be read"),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_bad_masks_are_refused(copy: Path, name: str) -> None:
    damage, said = BAD_MASKS[name]
    damage(copy / MAT)
    split = jhmdb_sentences.read(copy, "test", 5)
    message = refusal(lambda: split.masks(split.videos[1], (3,), 1))
    assert str(copy / MAT) in message and said in message, message


def test_truncated_masks_are_refused_wherever_they_end(copy: Path) -> None:
    split, whole = jhmdb_sentences.read(copy, "test", 5), (copy / MAT).read_bytes()
    for end in range(0, len(whole), 7):
        (copy / MAT).write_bytes(whole[:end])
        assert str(copy / MAT) in refusal(lambda: split.masks(split.videos[1], (3,), 1)), end


def test_a_truncated_and_a_smaller_frame_are_refused(copy: Path) -> None:
    split = jhmdb_sentences.read(copy, "test", 5)
    whole = (copy / FRAME).read_bytes()
    (copy / FRAME).write_bytes(whole[: len(whole) // 2])
    assert str(copy / FRAME) in refusal(lambda: split.frames(split.videos[1], (2, 3)))
    Image.new("RGB", (50, 40)).save(copy / FRAME)
    assert f"{copy / FRAME} is 50x40, but 00003.png of its video is 64x48" in refusal(lambda: split.frames(split.videos[1], (2, 3)))
