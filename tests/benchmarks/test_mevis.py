"""The MeViS loader: sentences about several objects, outlines in one file, and what it says of data that cannot be used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mevis_tree
import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refusal

from vdit.benchmarks import mevis
from vdit.clips.sampling import sample
from vdit.config.data import Data
from vdit.record import scores
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train.group import Member
from vdit.train.session import Session
from vdit.video import Item

LISTED, MASKS = Path("train/meta_expressions.json"), Path("train/mask_dict.json")
FRAME = Path("train/JPEGImages/0ab4/00001.jpg")
STUDY = """
study: motion
preset: miniature
data: {benchmark: mevis, frames: 2, eval_split: valid_u}
train: {max_steps: 2}
evaluate: {light: [], drift_clips: 0}
arms: {VD-IT: {prompt: image+text, noise: predicted}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return mevis_tree.write(tmp_path / "mevis")


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("split", ["train", "valid_u"])
def test_a_mask_is_the_union_of_the_objects_that_the_sentence_names(root: Path, split: str) -> None:
    data = mevis.read(root, split, 5)
    assert [video.id for video in data.videos] == list(mevis_tree.SENTENCES)
    for video in data.videos:
        for said, (text, objects) in zip(video.expressions, mevis_tree.SENTENCES[video.id], strict=True):
            assert said.text == text
            expected = np.stack([mevis_tree.drawn(objects, frame) for frame in range(mevis_tree.FRAMES)])
            masks = data.masks(video, (0, 1, 2), said.object)
            assert masks.dtype == np.bool_ and np.array_equal(masks, expected)
            assert np.array_equal(data.masks(video, (2, 0), said.object), expected[[2, 0]])


def test_an_object_is_a_set_whatever_the_order_and_the_type_of_its_members(root: Path) -> None:
    birds = mevis.read(root, "train", 5).videos[0]
    assert [said.object for said in birds.expressions] == [1, 2, 2, 3, 4]


def test_frames_are_in_the_order_of_their_names(root: Path) -> None:
    data = mevis.read(root, "train", 5)
    assert data.videos[0].frames == ("00000", "00001", "00002")
    frames = data.frames(data.videos[0], (2, 0))
    assert frames.shape == (2, mevis_tree.HEIGHT, mevis_tree.WIDTH, 3) and frames[0].mean() > 70 and frames[1].mean() < 10


def test_a_sentence_that_names_nothing_is_measured_but_not_trained_on(root: Path) -> None:
    data = mevis.read(root, "train", 2)
    assert data.videos[0].expressions[4].text == "a cat"
    assert data.items == (*(Item(0, said, start) for said in range(4) for start in (0, 2)), Item(1, 0, 0), Item(1, 0, 2))
    for index, item in enumerate(data.items):
        assert sample(data, item, Data(benchmark="mevis", frames=3), 0, index).valid_T.any()


def test_labels_are_the_sets_and_refuse_those_that_overlap(root: Path) -> None:
    data = mevis.read(root, "train", 5)
    birds, fish = data.videos
    assert np.array_equal(data.labels(fish, (0, 2)), data.masks(fish, (0, 2), 1).astype(np.uint8))
    assert "sentences of video 0ab4 name sets of objects that overlap" in refusal(lambda: data.labels(birds, (0,)))


def test_plain_run_lengths_and_those_of_no_pixel_are_read(root: Path) -> None:
    area = mevis_tree.HEIGHT * mevis_tree.WIDTH
    size = [mevis_tree.HEIGHT, mevis_tree.WIDTH]
    edit(
        root / MASKS,
        lambda masks: masks.update({"40": [{"size": size, "counts": [0, 5, area - 5]}, {"size": size, "counts": [area]}, None]}),
    )
    data = mevis.read(root, "train", 5)
    assert data.masks(data.videos[1], (0, 1, 2), 1).sum(axis=(1, 2)).tolist() == [5, 0, 0]


def outline(**changes: object) -> Callable[[Path], None]:
    """Changes the first outline of object 7."""
    return lambda root: edit(root / MASKS, lambda masks: masks["7"][0].update(changes))


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no such split": (lambda root: shutil.rmtree(root / "train"), ("does not exist", "has the splits valid, valid_u")),
    "no masks": (lambda root: (root / MASKS).unlink(), (f"{MASKS} does not exist", "use valid_u")),
    "broken listing": (lambda root: (root / LISTED).write_text("{"), (f"{LISTED}: the file: Invalid JSON", "restore it")),
    "broken masks": (lambda root: (root / MASKS).write_text('{"7": ['), (f"{MASKS}: the file: Invalid JSON", "restore it")),
    "another encoding": (lambda root: (root / LISTED).write_bytes(b'{"videos": {"caf\xe9": {}}}'), (f"{LISTED}: the file: Invalid JSON",)),
    "no video": (lambda root: edit(root / LISTED, lambda listing: listing["videos"].clear()), ("lists no video",)),
    "no frame": (lambda root: edit(root / LISTED, lambda listing: listing["videos"]["0ab4"].update(frames=[])), ("0ab4.frames is empty",)),
    "no sentence": (
        lambda root: edit(root / LISTED, lambda listing: listing["videos"]["1cd5"].update(expressions={})),
        ("1cd5.expressions is empty",),
    ),
    "missing frame": (lambda root: (root / FRAME).unlink(), (str(FRAME), "does not exist (1 such)")),
    "unknown object": (lambda root: edit(root / MASKS, lambda masks: masks.pop("8")), ("video 0ab4 names anno_id 8, which", "lacks")),
    "a mask too few": (
        lambda root: edit(root / MASKS, lambda masks: masks["8"].pop()),
        ("8 has 2 masks, but its video 0ab4 has 3 frames",),
    ),
    "no runs": (outline(counts=None), (f"{MASKS}: 7.0", "restore it")),
    "hidden objects": (
        lambda root: edit(root / LISTED, lambda listing: listing["videos"]["0ab4"]["expressions"]["1"].pop("anno_id")),
        ("videos.0ab4.expressions.1 has no anno_id", "use valid_u"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_listing_is_refused_when_read(root: Path, name: str) -> None:
    damage, said = BAD[name]
    damage(root)
    message = refusal(lambda: mevis.read(root, "train", 5))
    assert str(root) in message and all(part in message for part in said), message


def test_the_official_valid_is_refused_with_the_reason(root: Path) -> None:
    assert "the official valid has no masks" in refusal(lambda: mevis.read(root, "valid", 5))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": [5, 6]}, "is for a 6x5 image, its image is 32x24"),
        ({"counts": [1, 2, 3]}, "has runs of 6 pixels together, its image has 768"),
        ({"counts": "P"}, "ends within a number"),
        ({"counts": "\x10"}, "has the character"),
    ],
)
def test_a_damaged_outline_is_refused_when_it_is_drawn(root: Path, changes: dict, said: str) -> None:
    outline(**changes)(root)
    data = mevis.read(root, "train", 5)
    message = refusal(lambda: data.masks(data.videos[0], (0,), 1))
    assert f"{root / MASKS}: 7.0 {said}" in message
    assert data.masks(data.videos[0], (1,), 1).any(), "the other frames are sound"


def test_a_frame_of_another_size_is_refused(root: Path) -> None:
    Image.new("RGB", (20, 10)).save(root / FRAME)
    data = mevis.read(root, "train", 5)
    assert f"{root / FRAME} is 20x10, but 00000.jpg" in refusal(lambda: data.frames(data.videos[0], (0, 1)))
    assert "is for a 32x24 image, its image is 20x10" in refusal(lambda: data.masks(data.videos[0], (1,), 1))


def test_a_truncated_frame_is_refused(root: Path) -> None:
    (root / FRAME).write_bytes((root / FRAME).read_bytes()[:-20])
    data = mevis.read(root, "train", 5)
    assert f"{root / FRAME} is truncated" in refusal(lambda: data.frames(data.videos[0], (1,)))


@pytest.mark.slow
@pytest.mark.usefixtures("process_group")
def test_two_steps_train_and_every_sentence_is_measured(root: Path, tmp_path: Path) -> None:
    path, runs = tmp_path / "motion.yaml", tmp_path / "runs"
    path.write_text(STUDY)
    plan = planning.build(spec.read(str(path), data=root), runs)
    session = Session(Member(0, 1, torch.device("cpu")), runs)
    place = prepare(plan.trials[0], plan, runs)
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1] and all(np.isfinite(row["loss"]) for row in rows)
    table = scores.read(place / "scores.parquet")
    measured = {video: sorted(set(part["expression"])) for video, part in table.groupby("video")}
    assert measured == {video: [str(key) for key in range(len(said))] for video, said in mevis_tree.SENTENCES.items()}
    assert table[table["expression"] == "4"]["area_truth"].tolist() == [0, 0, 0], "a cat is not there"
