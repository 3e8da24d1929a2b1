"""The RefCOCO loader: what it reads, what it says of data that cannot be used, and that one-frame clips train."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask
from refusals import refusal

from vdit.benchmarks import refcoco
from vdit.clips.sampling import sample
from vdit.config.data import Data
from vdit.record import scores
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train.group import Member
from vdit.train.session import Session
from vdit.video import Item, Split, Video

JSON = Path("refcoco/instances_refcoco_train.json")
IMAGE = Path("train2014/COCO_train2014_refcoco_train_0.jpg")
STUDY = """
study: images
preset: miniature
data: {benchmark: refcoco, frames: 1, eval_split: refcoco/val, boxes: exclusive}
train: {max_steps: 2}
evaluate: {light: [], drift_clips: 0}
arms: {VD-IT: {prompt: image+text, noise: predicted}}
"""


def edit(path: Path, change: Callable[[list[dict], list[dict]], object]) -> None:
    """Changes sentences and annotations."""
    content = json.loads(path.read_text())
    change(content["images"], content["annotations"])
    path.write_text(json.dumps(content))


def red(split: Split, video: Video) -> np.ndarray:
    """Where the picture shows the object."""
    return split.frames(video, (0,))[..., 0] > 155


def test_a_sentence_is_a_video_of_one_frame_with_one_expression(coco: Path) -> None:
    split = refcoco.read(coco, "refcoco/train", 1)
    assert [video.id for video in split.videos] == [f"refcoco-train-{number:06d}" for number in (1, 2, 3, 4)]
    texts = ["a red box on the left", "The bright box", "the one in the corner", "everything but an edge"]
    assert [[said.text for said in video.expressions] for video in split.videos] == [[text] for text in texts]
    assert [video.frames for video in split.videos] == [(f"COCO_train2014_refcoco_train_{number}",) for number in (0, 0, 1, 2)]
    assert split.items == tuple(Item(number, 0, 0) for number in range(4))


def test_the_mask_is_where_the_picture_is_red_for_polygons_and_runs(coco: Path) -> None:
    split = refcoco.read(coco, "train", 1)
    for video in split.videos:
        said = video.expressions[0]
        drawn = split.masks(video, (0,), said.object)
        assert drawn.dtype == np.bool_ and drawn.any() and np.array_equal(drawn, red(split, video))
        assert np.array_equal(split.labels(video, (0,)) == said.object, drawn) and split.labels(video, (0,)).dtype == np.uint8
        assert not split.masks(video, (0,), 2).any()


def test_a_split_is_one_data_set_or_all_three_in_order(coco: Path) -> None:
    whole, single = refcoco.read(coco, "val", 1), [refcoco.read(coco, f"{name}/val", 1) for name in refcoco.DATA_SETS]
    assert whole.videos == tuple(video for split in single for video in split.videos)
    assert [video.id.split("-")[0] for video in whole.videos[::4]] == ["refcoco", "refcoco+", "refcocog"]
    assert len({video.id for video in whole.videos}) == len(whole.items) == 12
    assert whole.items[-1] == Item(11, 0, 0)


def test_an_index_opens_no_image(coco: Path) -> None:
    for path in (coco / "train2014").iterdir():
        path.write_bytes(b"")
    assert len(refcoco.read(coco, "train", 1).videos) == 12


def test_a_frame_is_what_pillow_decodes_and_is_repeated_for_longer_clips(coco: Path) -> None:
    split = refcoco.read(coco, "refcoco/train", 5)
    frames, masks = split.frames(split.videos[0], (0,) * 5), split.masks(split.videos[0], (0,) * 5, 1)
    assert frames.shape == (5, 48, 64, 3) and masks.shape == (5, 48, 64)
    assert all(np.array_equal(frame, np.asarray(Image.open(coco / IMAGE))) for frame in frames)


def test_a_grey_photograph_has_three_channels(coco: Path) -> None:
    Image.open(coco / IMAGE).convert("L").save(coco / IMAGE)
    split = refcoco.read(coco, "refcoco/train", 1)
    assert split.frames(split.videos[0], (0,)).shape == (1, 48, 64, 3)


def test_sentences_about_one_object_share_its_outline(coco: Path) -> None:
    split = refcoco.read(coco, "refcoco/train", 1)
    assert isinstance(split, refcoco.RefCOCO)
    outlines = list(split.outlines.values())
    assert outlines[0] is outlines[1] and len(set(outlines)) == 3


def test_the_same_outline_in_an_image_of_another_size_is_another(coco: Path) -> None:
    edit(coco / JSON, lambda images, _: images[1].update(height=96))
    split = refcoco.read(coco, "refcoco/train", 1)
    assert [split.masks(video, (0,), 1).shape for video in split.videos[:2]] == [(1, 48, 64), (1, 96, 64)]


def test_crowds_are_measured_but_not_trained_on(coco: Path) -> None:
    # The sentence before is about the same outline, which there is no crowd's.
    edit(coco / JSON, lambda _, annotations: annotations[1].update(iscrowd=1))
    split = refcoco.read(coco, "refcoco/train", 1)
    assert len(split.videos) == 4
    assert [item.video for item in split.items] == [0, 2, 3]


def test_every_item_shows_its_object(coco: Path) -> None:
    split = refcoco.read(coco, "train", 1)
    for index, item in enumerate(split.items):
        drawn = sample(split, item, spec.read("refcoco").base.data, 0, index)
        assert drawn.frames.shape[0] == 1 and drawn.valid_T.all() and drawn.masks.any()
        assert min(drawn.frames.shape[1:3]) >= 296


def test_without_augmentation_the_sample_is_the_item(coco: Path) -> None:
    split = refcoco.read(coco, "refcoco/train", 1)
    data = Data(benchmark="refcoco", frames=1, boxes="exclusive", augment=replace(Data().augment, enabled=False))
    drawn = sample(split, split.items[1], data, 0, 0)
    assert (drawn.video, drawn.expression, drawn.text) == ("refcoco-train-000002", "refcoco-train-000002", "the bright box")
    assert drawn.boxes_T4.tolist() == [[5, 10, 25, 30]], "as COCO's own box"


BAD_LISTINGS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no images": (
        lambda root: shutil.rmtree(root / "train2014"),
        ("train2014 does not exist; --data DIR is the folder that holds train2014",),
    ),
    "no JSON": (
        lambda root: (root / JSON).unlink(),
        (f"{JSON} does not exist", "has the splits refcoco/val, refcoco+/train, refcoco+/val"),
    ),
    "malformed JSON": (lambda root: (root / JSON).write_text('{"images": ['), (f"{JSON}: the file: invalid JSON", "line 1", "convert")),
    "wrong structure": (lambda root: edit(root / JSON, lambda images, _: images[1].pop("caption")), ("images.1.caption: Field required",)),
    "no sentence": (lambda root: edit(root / JSON, lambda images, _: images.clear()), ("lists no sentence",)),
    "empty caption": (
        lambda root: edit(root / JSON, lambda images, _: images[2].update(caption=" ")),
        ("images.2.caption is empty", "image 3"),
    ),
    "two of one id": (lambda root: edit(root / JSON, lambda images, _: images[2].update(id=1)), ("images.2.id is 1, like that",)),
    "missing image": (
        lambda root: (root / IMAGE).unlink(),
        (f"images.0.file_name is {IMAGE}, which does not exist (1 such)", "COCO's archive"),
    ),
    "no JPEG": (lambda root: edit(root / JSON, lambda images, _: images[0].update(file_name="a.png")), ("images.0.file_name", ".jpg")),
    "no size": (lambda root: edit(root / JSON, lambda images, _: images[0].update(height=0)), ("images.0.height", "greater than 0")),
    "unknown image": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations[1].update(image_id=99)),
        ("annotations.1.image_id is 99, but images has no such id",),
    ),
    "two annotations": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations[1].update(image_id=1)),
        ("annotations.1.image_id is 1, like that of an annotation before",),
    ),
    "no annotation": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations.pop()),
        ("annotations has none for image 4 (1 such)",),
    ),
    "damaged segmentation": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations[2].update(segmentation=[[1, 2, 3, "4", 5, 6]])),
        ("annotations.2.segmentation", "a polygon is a list of numbers"),
    ),
    "no segmentation": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations[2].pop("segmentation")),
        ("annotations.2.segmentation: Field required",),
    ),
    "empty object": (
        lambda root: edit(root / JSON, lambda _, annotations: annotations[2].update(segmentation=[[70, 5, 80, 5, 80, 9]])),
        ("annotations.2.segmentation covers no pixel of its 64x48 image; convert",),
    ),
}


@pytest.mark.parametrize("name", BAD_LISTINGS)
def test_a_bad_listing_is_refused_when_read(coco: Path, name: str) -> None:
    damage, said = BAD_LISTINGS[name]
    damage(coco)
    message = refusal(lambda: refcoco.read(coco, "train", 1))
    assert str(coco) in message and all(part in message for part in said), message


def test_a_split_of_no_data_set_names_the_nearest(coco: Path) -> None:
    assert "did you mean 'refcocog'" in refusal(lambda: refcoco.read(coco, "refcoco-g/train", 1))


def test_all_three_data_sets_must_be_there_where_none_is_named(coco: Path) -> None:
    shutil.rmtree(coco / "refcocog")
    assert "instances_refcocog_train.json does not exist" in refusal(lambda: refcoco.read(coco, "train", 1))
    assert len(refcoco.read(coco, "refcoco+/train", 1).videos) == 4


def test_a_photograph_of_another_size_than_listed_is_refused(coco: Path) -> None:
    Image.new("RGB", (50, 40)).save(coco / IMAGE)
    split = refcoco.read(coco, "refcoco/train", 1)
    message = refusal(lambda: split.frames(split.videos[0], (0,)))
    assert f"{coco / IMAGE} is 50x40, but 64x48 in the JSON (refcoco-train-000001)" in message


def test_a_truncated_photograph_is_refused(coco: Path) -> None:
    (coco / IMAGE).write_bytes((coco / IMAGE).read_bytes()[:-40])
    split = refcoco.read(coco, "refcoco/train", 1)
    assert f"{coco / IMAGE} is truncated" in refusal(lambda: split.frames(split.videos[0], (0,)))


def test_locate_wants_an_existing_folder(tmp_path: Path) -> None:
    assert refcoco.locate(Data(benchmark="refcoco"), tmp_path) == tmp_path
    assert "holds no refcoco" in refusal(lambda: refcoco.locate(Data(benchmark="refcoco"), tmp_path / "nothing"))


@pytest.mark.slow
@pytest.mark.usefixtures("process_group")
def test_two_steps_on_images_train_and_are_measured(coco: Path, tmp_path: Path) -> None:
    path, runs = tmp_path / "images.yaml", tmp_path / "runs"
    path.write_text(STUDY)
    plan = planning.build(spec.read(str(path), data=coco), runs)
    session = Session(Member(0, 1, torch.device("cpu")), runs)
    place = prepare(plan.trials[0], plan, runs)
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1] and all(np.isfinite(row["loss"]) for row in rows)
    table = scores.read(place / "instances.parquet")
    assert sorted(set(table["image"])) == [f"refcoco-val-{number:06d}" for number in (1, 2, 3, 4)]
    assert len(table) == 4 * 5 and (table["union"] > 0).all()
    assert set(progress.result["metrics"]) == {"mAP 0.5:0.95", *(f"P@0.{tenth}" for tenth in range(5, 10)), "overall_iou", "mean_iou"}


def test_compressed_runs_are_read_as_plain_ones(coco: Path) -> None:
    plain = refcoco.read(coco, "refcoco/train", 1)
    drawn = np.asfortranarray(plain.labels(plain.videos[3], (0,))[0])
    counts = mask.encode(drawn)["counts"].decode()
    edit(coco / JSON, lambda _, annotations: annotations[3]["segmentation"].update(counts=counts))
    assert np.array_equal(refcoco.read(coco, "refcoco/train", 1).labels(plain.videos[3], (0,))[0], drawn)
