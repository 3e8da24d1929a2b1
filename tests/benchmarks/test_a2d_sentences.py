"""The A2D-Sentences loader: what it reads, and what it says of data that cannot be used. Oracle: the tree that was drawn (a2d_tree.py)."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import a2d_tree
import h5py
import numpy as np
import pytest
from refusals import refusal

from vdit.benchmarks import _videos, a2d_sentences
from vdit.clips.annotated import centred
from vdit.clips.evaluation import evaluation_sample
from vdit.clips.sampling import sample
from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.video import Item, Split

JSON = "a2d_sentences_single_frame_train_annotations.json"
MP4 = "Release/CLIPS320/first.mp4"
H5 = f"{a2d_tree.MASKS}/first/00001.h5"
PLAIN = Data(benchmark="a2d_sentences", augment=replace(Data().augment, enabled=False))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a2d_tree.write(tmp_path_factory.mktemp("a2d"))


@pytest.fixture
def copy(tree: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tree, tmp_path / "data"))


def edit(path: Path, change: Callable[[list[list]], object]) -> None:
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows))


def greys(frames: np.ndarray) -> list[int]:
    """Which frames they are, by the grey of a corner."""
    return [round((int(frame[-4, 4, 0]) - a2d_tree.grey(0)) / 20) for frame in frames]


def test_an_annotated_frame_with_its_sentences_is_a_video(tree: Path) -> None:
    split = a2d_sentences.read(tree, "train", 5)
    assert [video.id for video in split.videos] == ["v_first_f_1", "v_first_f_7", "v_second_f_3"]
    assert [video.annotated for video in split.videos] == [0, 6, 2]
    assert [len(video.frames) for video in split.videos] == [9, 9, 4]
    assert split.videos[0].frames[:2] == ("00001", "00002") and split.videos[0].frames is split.videos[1].frames
    first = split.videos[0].expressions
    assert [(said.id, said.text) for said in first] == [
        ("v_first_f_1_i_0", "The  bright box on the left"),
        ("v_first_f_1_i_3", "a green box"),
    ]
    assert split.items == (Item(0, 0, 0), Item(0, 1, 0), Item(1, 0, 6), Item(2, 0, 2))
    assert split.evaluation == "detections"


def test_frames_are_those_of_the_video_in_any_order(tree: Path) -> None:
    split = a2d_sentences.read(tree, "train", 5)
    frames = split.frames(split.videos[0], (8, 0, 3, 3))
    assert frames.shape == (4, a2d_tree.HEIGHT, a2d_tree.WIDTH, 3) and frames.dtype == np.uint8
    assert greys(frames) == [8, 0, 3, 3]
    red = frames[1][12:28, 20:28].astype(int)
    assert (red[..., 0] > 200).all() and (red[..., 2] < 60).all(), "RGB"


def test_masks_lie_where_the_boxes_are_drawn_and_in_the_annotated_frame_alone(tree: Path) -> None:
    split = a2d_sentences.read(tree, "train", 5)
    two, one = split.videos[:2]
    for video, instances in ((two, (0, 3)), (one, (3,))):
        for said, instance in zip(video.expressions, instances, strict=True):
            assert video.annotated is not None
            masks = split.masks(video, (video.annotated, 4), said.object)
            assert masks.dtype == np.bool_ and np.array_equal(masks[0], a2d_tree.box_mask(instance)) and not masks[1].any()
            assert np.array_equal(split.labels(video, (4, video.annotated)) == said.object, masks[::-1])


def test_overlapping_instances_keep_their_own_masks(copy: Path) -> None:
    whole = np.ones((a2d_tree.HEIGHT, a2d_tree.WIDTH), np.bool_)
    a2d_tree.write_h5(copy / H5, {3: whole, 0: a2d_tree.box_mask(0)})
    split = a2d_sentences.read(copy, "train", 5)
    red, green = (split.masks(split.videos[0], (0,), said.object)[0] for said in split.videos[0].expressions)
    assert green.all() and np.array_equal(red, a2d_tree.box_mask(0))


def test_the_folder_of_clips_may_have_the_archives_name(copy: Path) -> None:
    (copy / "Release/CLIPS320").rename(copy / "Release/clips320H")
    assert len(a2d_sentences.read(copy, "test", 5).videos) == 2


def test_a_training_clip_supervises_the_annotated_frame_alone(tree: Path) -> None:
    split = a2d_sentences.read(tree, "train", 5)
    for epoch in range(8):
        for index, item in enumerate(split.items):
            drawn = sample(split, item, PLAIN, epoch, index)
            assert drawn.annotated is not None
            assert greys(drawn.frames)[drawn.annotated] == item.start
            # At an end of its video the frame is its own neighbour.
            assert drawn.valid_T.tolist() == [place == drawn.annotated for place in range(5)]
            assert drawn.masks[drawn.annotated].any() and not drawn.boxes_T4[~drawn.valid_T].any()


def test_a_reversed_clip_knows_its_annotated_frame(tree: Path) -> None:
    split = a2d_sentences.read(tree, "train", 5)
    backwards = replace(PLAIN, augment=replace(PLAIN.augment, enabled=True, reverse=1.0, scales=(), flip=0.0, photometric=False))
    drawn = sample(split, split.items[2], backwards, 0, 0)
    assert greys(drawn.frames) == sorted(greys(drawn.frames), reverse=True)
    assert drawn.annotated is not None and greys(drawn.frames)[drawn.annotated] == 6


@pytest.mark.parametrize(
    ("video", "frames", "window", "annotated"),
    [
        (0, 5, (0, 0, 0, 1, 2), 0),
        (1, 5, (4, 5, 6, 7, 8), 2),
        (1, 4, (4, 5, 6, 7), 2),
        (2, 5, (0, 1, 2, 3, 3), 2),
        (2, 1, (2,), 0),
    ],
)
def test_a_predicted_clip_is_centred_and_repeats_the_ends(
    tree: Path, video: int, frames: int, window: tuple[int, ...], annotated: int
) -> None:
    split = a2d_sentences.read(tree, "train", frames)
    asked = split.videos[video]
    assert centred(asked, frames) == window
    drawn = evaluation_sample(split, asked, asked.expressions[0], window, Evaluate(short_side=0), PLAIN)
    assert greys(drawn.frames) == list(window)
    assert drawn.annotated == annotated and drawn.valid_T.tolist() == [place == annotated for place in range(frames)]


def h5(root: Path, **arrays: np.ndarray) -> None:
    with h5py.File(root / H5, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def listing(change: Callable[[list[list]], object]) -> Callable[[Path], object]:
    return lambda root: edit(root / JSON, change)


BAD_LISTINGS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no such folder": (shutil.rmtree, ("no such data folder", "--data DIR")),
    "no such split": (lambda root: (root / JSON).unlink(), (f"{JSON} does not exist", "has the splits test")),
    "malformed JSON": (lambda root: (root / JSON).write_text("[["), (f"{JSON}: the file: Invalid JSON",)),
    "nothing listed": (listing(list.clear), (f"{JSON}: the file: List should have at least 1 item",)),
    "a field too few": (listing(lambda rows: rows[1].pop()), (f"{JSON}: 1.3: Field required",)),
    "no sentence": (listing(lambda rows: rows[1].__setitem__(0, " ")), (f"{JSON}: 1.0: String should match",)),
    "frame 0": (listing(lambda rows: rows[1].__setitem__(2, 0)), (f"{JSON}: 1.2: Input should be greater",)),
    "listed twice": (listing(lambda rows: rows.append(rows[1])), (f"{JSON}: 1: v_first_f_1_i_3 is listed 2 times", "all but one")),
    "no clips": (lambda root: shutil.rmtree(root / "Release"), ("Release/CLIPS320 does not exist",)),
    "missing video": (lambda root: (root / MP4).unlink(), (f"{JSON} names", MP4, "does not exist (1 such)")),
    "missing masks": (lambda root: (root / H5).unlink(), (f"{JSON} names", H5, "does not exist (1 such)")),
    "missing folder of masks": (lambda root: shutil.rmtree(root / a2d_tree.MASKS / "first"), ("first/00001.h5", "(2 such)")),
    "no video": (lambda root: (root / MP4).write_bytes(b"nothing"), (MP4, "is not a readable video (7 bytes)")),
}


@pytest.mark.parametrize("name", BAD_LISTINGS)
def test_a_bad_listing_is_refused_when_read(copy: Path, name: str) -> None:
    damage, said = BAD_LISTINGS[name]
    damage(copy)
    message = refusal(lambda: a2d_sentences.read(copy, "train", 5))
    assert str(copy) in message and all(part in message for part in said), message


def test_a_frame_behind_the_end_of_its_video_is_refused(copy: Path) -> None:
    edit(copy / JSON, lambda rows: rows[3].__setitem__(2, 5))
    shutil.copy(copy / a2d_tree.MASKS / "second/00003.h5", copy / a2d_tree.MASKS / "second/00005.h5")
    message = refusal(lambda: a2d_sentences.read(copy, "train", 5))
    assert f"{JSON}: 3: frame 5 is listed, but" in message and "second.mp4 has 4 frames" in message


MASK = a2d_tree.box_mask(0).T.astype(np.uint8)
BAD_MASKS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "another instance": (
        lambda root: h5(root, instance=np.array([5]), reMask=MASK),
        ("has the instances [5], but the JSON lists instance 0",),
    ),
    "another size": (
        lambda root: h5(root, instance=np.array([0]), reMask=MASK[:-1]),
        ("has masks of 79x48", "first.mp4 is 80x48"),
    ),
    "not transposed": (lambda root: h5(root, instance=np.array([0]), reMask=MASK.T), ("has masks of 48x80", "first.mp4 is 80x48")),
    "more instances than masks": (
        lambda root: h5(root, instance=np.array([0, 1]), reMask=MASK),
        ("has 2 instances, but reMask of shape (80, 48)",),
    ),
    "no id": (lambda root: h5(root, instance=np.array([300]), reMask=MASK), ("has the instances [300], expected ids from 0 to 254",)),
    "words": (lambda root: h5(root, instance=np.array([b"zero"]), reMask=MASK), ("has instance of type |S4", "expected numbers")),
    "no masks": (lambda root: h5(root, instance=np.array([0])), ("lacks 'instance' or 'reMask'",)),
    "no HDF5": (lambda root: (root / H5).write_bytes(b"nothing"), ("cannot be read",)),
    "truncated": (lambda root: (root / H5).write_bytes((root / H5).read_bytes()[:-3000]), ("cannot be read",)),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_bad_masks_are_refused(copy: Path, name: str) -> None:
    damage, said = BAD_MASKS[name]
    damage(copy)
    split = a2d_sentences.read(copy, "train", 5)
    message = refusal(lambda: split.masks(split.videos[0], (0,), split.videos[0].expressions[0].object))
    assert str(copy / H5) in message and all(part in message for part in said), message


def everything(root: Path) -> Split:
    split = a2d_sentences.read(root, "train", 5)
    for video in split.videos:
        split.frames(video, tuple(range(len(video.frames))))
    return split


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_truncated_video_is_refused_wherever_it_ends(copy: Path, share: float) -> None:
    path = copy / MP4
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert str(path) in refusal(lambda: everything(copy))


def test_a_video_shorter_than_it_says_is_refused(tree: Path) -> None:
    message = refusal(lambda: _videos.frames(tree / MP4, (2, 9)))
    assert f"{tree / MP4} ends after 9 frames, frame 10 is needed" in message
