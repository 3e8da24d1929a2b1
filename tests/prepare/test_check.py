"""Every damage of a tree is listed, each once; a clean one is read whole. Oracles: the damages done, and counts by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.benchmarks import miniature
from vdit.config import manifest
from vdit.config.data import World
from vdit.config.manifest import folder_digest
from vdit.prepare import contents
from vdit.prepare.check import Count, Report, check

WORLD = World(train_videos=3, valid_videos=1, frames=4, height=32, width=64, objects=2)
JSON = "meta_expressions/train/meta_expressions.json"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    miniature.write(tmp_path / "world", WORLD)
    return tmp_path / "world"


def read(root: Path, benchmark: str = "ref_youtube_vos", *splits: str) -> Report:
    return check(benchmark, root, splits, root.parent / "manifests", lambda *_: None)


def messages(root: Path, benchmark: str = "ref_youtube_vos") -> list[str]:
    return [problem.message for problem in read(root, benchmark).problems]


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_clean_tree_is_read_whole_and_its_digest_is_that_of_the_plan(world: Path) -> None:
    told: list[tuple[str, int, int]] = []
    report = check("ref_youtube_vos", world, (), world.parent / "manifests", lambda *done: told.append(done))
    assert report.problems == ()
    # Two objects a video, two sentences an object.
    assert report.splits == {"train": Count(3, 12, 12, 24), "valid": Count(1, 4, 4, 8)}
    assert report.digest == folder_digest(world, world.parent / "elsewhere")
    assert told == [("train", 1, 3), ("train", 2, 3), ("train", 3, 3), ("valid", 1, 1)]


def test_what_was_checked_is_not_hashed_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = read(world).digest

    def refuse(file: Path) -> str:
        raise AssertionError(f"{file} is hashed again")

    monkeypatch.setattr(manifest, "_content", refuse)
    assert folder_digest(world, world.parent / "manifests") == digest


def test_five_damages_are_five_problems(world: Path) -> None:
    frames, masks = world / "train/JPEGImages", world / "train/Annotations"
    truncated = frames / "train0000/00005.jpg"
    truncated.write_bytes(truncated.read_bytes()[:-40])
    (frames / "train0001/00000.jpg").unlink()
    Image.new("RGB", (64, 32)).save(masks / "train0001/00010.png")
    Image.new("L", (20, 10)).save(masks / "train0002/00015.png")
    edit(world / JSON, lambda listing: listing["videos"]["train0002"]["expressions"]["0"].update(obj_id="9"))
    found = messages(world)
    expected = (
        (str(frames / "train0001/00000.jpg"), "does not exist (1 such)", "restore it"),
        ("train0002.expressions.0.obj_id is 9", "mend it"),
        (str(truncated), "is truncated", "restore it"),
        (str(masks / "train0001/00010.png"), "has mode RGB", "convert it"),
        (str(masks / "train0002/00015.png"), "is 20x10", "restore both"),
    )
    assert len(found) == 5, found
    assert all(all(part in message for part in parts) for message, parts in zip(found, expected, strict=True)), found


def test_every_missing_file_is_named(world: Path) -> None:
    lost = [world / f"train/JPEGImages/train0000/{name}.jpg" for name in ("00000", "00010", "00015")]
    for path in lost:
        path.unlink()
    found = messages(world)
    assert len(found) == 3 and all(any(str(path) in message for message in found) for path in lost), found


def test_a_frame_of_another_size_is_named_though_its_mask_fits_it(world: Path) -> None:
    for kind, mode, name in (("JPEGImages", "RGB", "00010.jpg"), ("Annotations", "L", "00010.png")):
        Image.new(mode, (50, 40)).save(world / "train" / kind / "train0001" / name)
    (message, *others) = messages(world)
    assert "train0001/00010.jpg is 50x40, but 00000.jpg of its video is 64x32" in message
    assert all("train0001/00010" not in other for other in others)


def test_an_object_that_is_never_seen_is_named(world: Path) -> None:
    for path in (world / "train/Annotations/train0002").iterdir():
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels == 2, 0, labels).astype(np.uint8)).save(path)
    assert messages(world) == ["video train0002: object 2, of expression 2, 3, is in no mask; restore the masks or take the expression out"]


def test_videos_without_frames_and_hidden_objects_do_not_hide_the_others(world: Path) -> None:
    edit(world / JSON, lambda listing: listing["videos"]["train0000"].update(frames=[]))
    edit(world / JSON, lambda listing: listing["videos"]["train0001"]["expressions"]["0"].pop("obj_id"))
    damaged = world / "train/JPEGImages/train0002/00000.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-40])
    found = messages(world)
    expected = ("train0000.frames is empty", "train0001.expressions.0 has no obj_id", str(damaged))
    assert len(found) == 3 and all(part in message for part, message in zip(expected, found, strict=True)), found


def test_a_video_without_expressions_is_named_and_the_others_are_read(world: Path) -> None:
    edit(world / JSON, lambda listing: listing["videos"]["train0001"].update(expressions={}))
    report = read(world)
    (problem,) = report.problems
    assert "videos.train0001.expressions is empty" in problem.message
    assert report.splits["train"].frames == 12


def test_an_empty_expression_is_named(world: Path) -> None:
    edit(world / JSON, lambda listing: listing["videos"]["train0001"]["expressions"]["1"].update(exp="  "))
    assert messages(world) == ["video train0001: expression 1 is empty; write one or take it out"]


def test_all_that_is_wrong_with_the_form_of_a_listing_is_said(world: Path) -> None:
    def spoil(listing: dict) -> None:
        listing["videos"]["train0000"].pop("frames")
        listing["videos"]["train0001"]["expressions"]["0"]["exp"] = 3

    edit(world / JSON, spoil)
    found = messages(world)
    assert (
        len(found) == 2 and any("train0000.frames" in one for one in found) and any("train0001.expressions.0.exp" in one for one in found)
    )


def test_a_split_that_cannot_be_read_does_not_hide_the_others(world: Path) -> None:
    (world / JSON).write_text("{")
    damaged = world / "valid/JPEGImages/valid0000/00000.jpg"
    damaged.write_bytes(b"")
    report = read(world)
    assert {problem.split for problem in report.problems} == {"train", "valid"}
    assert report.splits["train"] == Count() and report.splits["valid"].frames == 3


def test_problems_are_the_same_however_little_is_held_at_once(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world / "train/JPEGImages/train0000/00010.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    before = read(world)
    monkeypatch.setattr(contents, "HELD", 1)
    assert read(world) == before and len(before.problems) == 1


def test_photographs_are_decoded_once_for_all_their_sentences(coco: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vdit.benchmarks import _images

    decoded: list[Path] = []
    original = _images.frame

    def count(path: Path) -> np.ndarray:
        decoded.append(path)
        return original(path)

    monkeypatch.setattr(_images, "frame", count)
    report = read(coco, "refcoco", "refcoco/train")
    assert report.problems == () and report.splits == {"refcoco/train": Count(4, 4, 3, 4)}
    assert len(decoded) == len(set(decoded)) == 3


def test_a_data_set_that_cannot_be_read_does_not_hide_the_others(coco: Path) -> None:
    whole = read(coco, "refcoco", "train")
    (coco / "refcoco/instances_refcoco_train.json").write_text("{")
    report = read(coco, "refcoco", "train")
    assert len(report.problems) == 1 and "instances_refcoco_train.json: the file: invalid JSON" in report.problems[0].message
    (coco / "refcoco/instances_refcoco_train.json").unlink()
    assert len(read(coco, "refcoco", "train").problems) == 1
    assert 0 < report.splits["train"].frames < whole.splits["train"].frames


def test_damages_of_a_coco_listing_are_listed_together(coco: Path) -> None:
    def spoil(listing: dict) -> None:
        listing["images"][0]["caption"] = " "
        listing["annotations"][1]["segmentation"] = [[-9, -9, -5, -9, -5, -5]]
        listing["annotations"].append({**listing["annotations"][2], "image_id": 77})

    edit(coco / "refcoco/instances_refcoco_val.json", spoil)
    found = messages(coco, "refcoco")
    assert len(found) == 3, found
    for part in ("images.0.caption", "annotations.1.segmentation", "annotations.4.image_id is 77"):
        assert any(part in message for message in found), found


def test_a_broken_link_costs_the_digest(world: Path) -> None:
    (world / "extra.txt").symlink_to(world / "nothing")
    report = read(world)
    assert report.digest == "" and [problem.split for problem in report.problems] == [""]
    assert "extra.txt" in report.problems[0].message


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such data folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no split of ref_youtube_vos with masks"):
        read(tmp_path)
    with pytest.raises(ValueError, match="did you mean 'ref_youtube_vos'"):
        read(tmp_path, "ref_youtube_vs")
