"""The Ref-YouTube-VOS loader: what it reads, and what it says of data that cannot be used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import refusal

from vdit.benchmarks import _images, miniature, ref_youtube_vos
from vdit.config.data import Data, World
from vdit.video import Item

DAVIS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "davis-sentences"
WORLD = World(train_videos=2, valid_videos=2, frames=4)
JSON = Path("meta_expressions/train/meta_expressions.json")
FRAME = Path("train/JPEGImages/train0000/00005.jpg")
MASK = Path("train/Annotations/train0000/00005.png")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world") / "data"
    miniature.write(root, WORLD)
    return root


@pytest.fixture
def copy(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "data"))


def edit(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content["videos"])
    path.write_text(json.dumps(content))


def test_labels_are_palette_indices_and_frames_are_rgb(copy: Path) -> None:
    labels = np.zeros((WORLD.height, WORLD.width), np.uint8)
    labels[3:7, 10:20] = 2
    image = Image.fromarray(labels)
    image.putpalette((0, 0, 0, 9, 9, 9, 77, 88, 99))
    image.save(copy / MASK)
    Image.new("RGB", (WORLD.width, WORLD.height), (200, 30, 90)).save(copy / FRAME, quality=95, subsampling=0)
    split = ref_youtube_vos.read(copy, "train", 5)
    video = split.videos[0]
    assert np.array_equal(split.labels(video, (1,))[0], labels)
    assert np.array_equal(split.masks(video, (1,), 2)[0], labels == 2)
    assert not split.masks(video, (1,), 1).any()
    assert np.abs(split.frames(video, (1,))[0].astype(int) - (200, 30, 90)).max() <= 2
    assert split.frames(video, (1, 0)).shape == (2, WORLD.height, WORLD.width, 3)
    assert split.size(video) == (WORLD.height, WORLD.width)


def test_frames_are_the_pixels_that_pillow_decodes(world: Path) -> None:
    split = ref_youtube_vos.read(world, "train", 5)
    expected = np.asarray(Image.open(world / FRAME).convert("RGB"))
    assert np.array_equal(split.frames(split.videos[0], (1,))[0], expected)


def test_exif_rotation_is_not_applied(copy: Path) -> None:
    image, exif = Image.open(copy / FRAME), Image.Exif()
    exif[0x0112] = 6
    image.save(copy / FRAME, exif=exif)
    split = ref_youtube_vos.read(copy, "train", 5)
    assert split.frames(split.videos[0], (1,)).shape == (1, WORLD.height, WORLD.width, 3)


def test_items_are_videos_in_file_order_expressions_and_every_nth_start(copy: Path) -> None:
    def change(videos: dict) -> None:
        first, second = videos.pop("train0000"), videos.pop("train0001")
        videos["train0001"] = {**second, "expressions": {"0": second["expressions"]["0"]}}
        videos["train0000"] = {**first, "expressions": {key: first["expressions"][key] for key in ("1", "0")}}

    edit(copy / JSON, change)
    split = ref_youtube_vos.read(copy, "train", 3)
    assert [video.id for video in split.videos] == ["train0001", "train0000"]
    assert [expression.id for expression in split.videos[1].expressions] == ["1", "0"]
    assert split.items == (Item(0, 0, 0), Item(0, 0, 3), Item(1, 0, 0), Item(1, 0, 3), Item(1, 1, 0), Item(1, 1, 3))


def test_valid_leaves_out_the_videos_of_the_test_json(copy: Path) -> None:
    test = copy / "meta_expressions" / "test" / "meta_expressions.json"
    test.parent.mkdir()
    hidden = {"expressions": {"0": {"exp": "a dog"}}, "frames": ["00000"]}
    test.write_text(json.dumps({"videos": {"valid0000": hidden, "train0000": hidden}}))
    assert [video.id for video in ref_youtube_vos.read(copy, "valid", 5).videos] == ["valid0001"]
    assert len(ref_youtube_vos.read(copy, "train", 5).videos) == 2


def test_without_meta_json_the_masks_tell_the_objects(copy: Path) -> None:
    with_meta = ref_youtube_vos.read(copy, "train", 5)
    (copy / "train" / "meta.json").unlink()
    # Object 1 alone is seen in the first frame: the others are found in a later one.
    first = copy / "train/Annotations/train0000/00000.png"
    Image.fromarray((np.asarray(Image.open(first)) == 1).astype(np.uint8)).save(first)
    assert ref_youtube_vos.read(copy, "train", 5).items == with_meta.items
    edit(copy / JSON, lambda videos: videos["train0000"]["expressions"]["1"].update(obj_id="77"))
    message = refusal(lambda: ref_youtube_vos.read(copy, "train", 5))
    assert "train0000.expressions.1.obj_id is 77" in message


def test_a_split_may_have_its_videos_in_the_folder_of_another(copy: Path) -> None:
    (copy / "train").rename(copy / "other")
    point(copy, "other")
    split = ref_youtube_vos.read(copy, "train", 5)
    assert split.frames(split.videos[0], (0,)).any() and split.labels(split.videos[0], (0,)).any()


def test_a_listing_needs_no_masks_and_no_objects(copy: Path) -> None:
    with_masks = ref_youtube_vos.read(copy, "train", 5)
    assert ref_youtube_vos.listing(copy, "train").videos == with_masks.videos
    shutil.rmtree(copy / "train/Annotations")
    (copy / "train/meta.json").unlink()
    edit(copy / JSON, lambda videos: [said.pop("obj_id") for video in videos.values() for said in video["expressions"].values()])
    split = ref_youtube_vos.listing(copy, "train")
    assert split.items == () and {said.object for video in split.videos for said in video.expressions} == {0}
    assert [[said.text for said in video.expressions] for video in split.videos] == [
        [said.text for said in video.expressions] for video in with_masks.videos
    ]
    assert np.array_equal(split.frames(split.videos[0], (1, 2)), with_masks.frames(with_masks.videos[0], (1, 2)))


def test_a_listing_is_checked_for_its_frames_and_what_it_says_of_objects(copy: Path) -> None:
    (copy / FRAME).unlink()
    assert "00005.jpg, which does not exist (1 such)" in refusal(lambda: ref_youtube_vos.listing(copy, "train"))
    edit(copy / JSON, lambda videos: videos["train0000"]["expressions"]["0"].update(obj_id="0"))
    assert "obj_id is '0'" in refusal(lambda: ref_youtube_vos.listing(copy, "train"))
    assert "has the splits train, valid" in refusal(lambda: ref_youtube_vos.listing(copy, "tarin"))


def test_the_held_out_part_is_refused_with_how_it_is_made(copy: Path) -> None:
    for split in ("held_out", "train_without_held_out"):
        message = refusal(lambda split=split: ref_youtube_vos.read(copy, split, 5))
        assert all(part in message for part in ("`vdit data prepare held-out DIR`", "data.train_split, data.eval_split")), message
    assert "prepare" not in refusal(lambda: ref_youtube_vos.read(copy, "tarin", 5))


def test_a_split_whose_folder_was_not_fetched_is_none(copy: Path) -> None:
    """A download of train alone, whose meta_expressions has all splits."""
    shutil.rmtree(copy / "valid")
    assert ref_youtube_vos.splits(copy) == ("train",)
    path = copy / "meta_expressions/valid/meta_expressions.json"
    path.write_text(json.dumps({"folder": "train", **json.loads(path.read_text())}))
    assert ref_youtube_vos.splits(copy) == ("train", "valid")
    path.write_text("{")
    assert ref_youtube_vos.splits(copy) == ("train", "valid"), "what cannot be read is named when it is"


def test_the_official_valid_is_refused_without_the_list_of_what_is_not_of_it(copy: Path) -> None:
    """507 videos instead of 202, which no server takes."""
    path, test = (copy / f"meta_expressions/{split}/meta_expressions.json" for split in ("valid", "test"))
    whole = ref_youtube_vos.listing(copy, "valid").videos
    assert len(whole) == 2, "objects that are named need no list"
    edit(path, lambda videos: [said.pop("obj_id") for video in videos.values() for said in video["expressions"].values()])
    message = refusal(lambda: ref_youtube_vos.listing(copy, "valid"))
    assert all(part in message for part in (str(test), "does not exist", str(path), "202", '{"videos": {}}')), message
    test.parent.mkdir()
    test.write_text(json.dumps({"videos": {whole[0].id: json.loads(path.read_text())["videos"][whole[0].id]}}))
    assert [video.id for video in ref_youtube_vos.listing(copy, "valid").videos] == [whole[1].id]
    test.write_text('{"videos": {}}')
    assert len(ref_youtube_vos.listing(copy, "valid").videos) == 2


def test_davis_sentences() -> None:
    if not DAVIS.is_dir():
        pytest.skip("davis-sentences is not beside this checkout")
    train, valid = (ref_youtube_vos.read(DAVIS, split, 5) for split in ("train", "valid"))
    assert (len(train.videos), len(valid.videos)) == (26, 8)
    bear = train.videos[0]
    assert bear.id == "bear"
    assert bear.expressions[0].text == "a brown bear walking on rocks"
    assert train.frames(bear, (0, 27)).shape == (2, 240, 428, 3)
    assert set(np.unique(train.labels(bear, (0,)))) == {0, 1}
    assert len(train.items) == sum(len(video.expressions) * -(-len(video.frames) // 5) for video in train.videos)


def drop_frame(root: Path) -> None:
    (root / FRAME).unlink()


def drop_mask(root: Path) -> None:
    (root / MASK).unlink()


def point(root: Path, folder: str) -> None:
    """Says that the videos of train are in the folder of another split."""
    content = json.loads((root / JSON).read_text())
    (root / JSON).write_text(json.dumps({"folder": folder, **content}))


def break_json(root: Path) -> None:
    (root / JSON).write_text('{"videos": {"train0000": ')


BAD_LISTINGS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no such folder": (shutil.rmtree, ("no such data folder", "--data DIR")),
    "no such split": (lambda root: (root / JSON).unlink(), ("meta_expressions.json does not exist", "has the splits valid")),
    "malformed JSON": (break_json, ("train/meta_expressions.json: the file: Invalid JSON", "line 1", "restore it")),
    "wrong structure": (
        lambda root: edit(root / JSON, lambda videos: videos["train0000"].pop("frames")),
        ("videos.train0000.frames: Field required",),
    ),
    "number for an id": (
        lambda root: edit(root / JSON, lambda videos: videos["train0000"]["expressions"]["0"].update(obj_id=1)),
        ("videos.train0000.expressions.0.obj_id", "string"),
    ),
    "word for an id": (
        lambda root: edit(root / JSON, lambda videos: videos["train0000"]["expressions"]["0"].update(obj_id="one")),
        ("videos.train0000.expressions.0.obj_id is 'one'", "'1' to '254'"),
    ),
    "hidden id": (
        lambda root: edit(root / JSON, lambda videos: videos["train0000"]["expressions"]["0"].pop("obj_id")),
        ("has no obj_id", "held-out part of train", "data.train_split: train_without_held_out, data.eval_split: held_out"),
    ),
    "absent object": (
        lambda root: edit(root / JSON, lambda videos: videos["train0001"]["expressions"]["0"].update(obj_id="9")),
        ("videos.train0001.expressions.0.obj_id is 9", "has the objects [1, 2"),
    ),
    "no video": (lambda root: edit(root / JSON, dict.clear), ("lists no video",)),
    "folder elsewhere": (lambda root: point(root, "../train"), ("meta_expressions.json: folder: String should match",)),
    "folder that is not there": (lambda root: point(root, "other"), ("data/other/Annotations does not exist",)),
    "no frame": (
        lambda root: edit(root / JSON, lambda videos: videos["train0001"].update(frames=[])),
        ("videos.train0001.frames is empty",),
    ),
    "no expression": (
        lambda root: edit(root / JSON, lambda videos: videos["train0001"].update(expressions={})),
        ("videos.train0001.expressions is empty", "remove the video"),
    ),
    "missing frame": (drop_frame, ("meta_expressions.json names", str(FRAME), "does not exist (1 such)")),
    "missing mask": (drop_mask, ("meta_expressions.json names", str(MASK), "does not exist (1 such)")),
    "frame that never was": (
        lambda root: edit(root / JSON, lambda videos: videos["train0001"]["frames"].append("00999")),
        ("JPEGImages/train0001/00999.jpg, which does not exist",),
    ),
    "missing video": (lambda root: shutil.rmtree(root / "train/JPEGImages/train0001"), ("train0001/00000.jpg", "(4 such)")),
    "no masks": (lambda root: shutil.rmtree(root / "train/Annotations"), ("train/Annotations does not exist", "held-out part of train")),
    "no video in meta.json": (
        lambda root: edit(root / "train/meta.json", lambda videos: videos.pop("train0001")),
        ("meta.json lacks video train0001",),
    ),
}


@pytest.mark.parametrize("name", BAD_LISTINGS)
def test_a_bad_listing_is_refused_when_read(copy: Path, name: str) -> None:
    damage, said = BAD_LISTINGS[name]
    damage(copy)
    message = refusal(lambda: ref_youtube_vos.read(copy, "train", 5))
    assert all(part in message for part in said), message


def test_pictures_that_would_fill_the_memory_are_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    split = ref_youtube_vos.read(copy, "train", 5)
    message = refusal(lambda: split.masks(split.videos[0], (1,), 1))
    assert f"{copy / MASK} cannot be read (Image size (6144 pixels) exceeds limit" in message
    assert f"{split.jpeg(split.videos[0], 0)} cannot be read (Image size" in refusal(lambda: split.size(split.videos[0]))
    assert "cannot be read (Image size" in refusal(lambda: _images.png(copy / MASK))


def test_a_jpeg_larger_than_opencv_decodes_is_refused(copy: Path) -> None:
    """Its header says so: 65,500 pixels a side."""
    data = bytearray((copy / FRAME).read_bytes())
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = (65500).to_bytes(2) * 2
    (copy / FRAME).write_bytes(data)
    split = ref_youtube_vos.read(copy, "train", 5)
    assert f"{copy / FRAME} is not a readable image" in refusal(lambda: split.frames(split.videos[0], (1,)))


def truncate(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9, 0.9999])
def test_a_truncated_jpeg_is_refused_wherever_it_ends(copy: Path, share: float) -> None:
    truncate(copy / FRAME, share)
    split = ref_youtube_vos.read(copy, "train", 5)
    message = refusal(lambda: split.frames(split.videos[0], (0, 1)))
    assert str(copy / FRAME) in message and "restore it" in message


def test_a_jpeg_with_a_thumbnail_that_ends_is_still_refused_when_truncated(copy: Path) -> None:
    data = (copy / FRAME).read_bytes()
    thumbnail = b"\xff\xe1" + (len(data) + 2).to_bytes(2) + data
    (copy / FRAME).write_bytes((data[:2] + thumbnail + data[2:])[:-40])
    split = ref_youtube_vos.read(copy, "train", 5)
    assert "is truncated" in refusal(lambda: split.frames(split.videos[0], (1,)))


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(copy: Path) -> None:
    split = ref_youtube_vos.read(copy, "train", 5)
    before = split.frames(split.videos[0], (1,))
    (copy / FRAME).write_bytes((copy / FRAME).read_bytes() + bytes(100))
    assert np.array_equal(split.frames(split.videos[0], (1,)), before)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_a_truncated_mask_is_refused(copy: Path, share: float) -> None:
    truncate(copy / MASK, share)
    split = ref_youtube_vos.read(copy, "train", 5)
    assert str(copy / MASK) in refusal(lambda: split.masks(split.videos[0], (1,), 1))


def test_a_mask_of_another_size_than_its_frame_is_refused(copy: Path) -> None:
    Image.new("L", (50, 40)).save(copy / MASK)
    split = ref_youtube_vos.read(copy, "train", 5)
    message = refusal(lambda: split.masks(split.videos[0], (1,), 1))
    assert f"{copy / MASK} is 50x40, its frame {copy / FRAME} is 96x64" in message


def test_frames_of_different_sizes_in_a_video_are_refused(copy: Path) -> None:
    Image.new("RGB", (50, 40)).save(copy / FRAME)
    split = ref_youtube_vos.read(copy, "train", 5)
    message = refusal(lambda: split.frames(split.videos[0], (0, 1)))
    assert f"{copy / FRAME} is 50x40, but 00000.jpg of its video is 96x64" in message


@pytest.mark.parametrize("mode", ["RGB", "1", "I;16"])
def test_a_mask_that_holds_no_object_ids_is_refused(copy: Path, mode: str) -> None:
    Image.new(mode, (WORLD.width, WORLD.height)).save(copy / MASK)
    split = ref_youtube_vos.read(copy, "train", 5)
    assert f"has mode {mode}" in refusal(lambda: split.masks(split.videos[0], (1,), 1))


def test_locate_wants_an_existing_folder(tmp_path: Path) -> None:
    assert ref_youtube_vos.locate(Data(), tmp_path) == tmp_path
    assert "--data DIR" in refusal(lambda: ref_youtube_vos.locate(Data(), tmp_path / "nothing"))
