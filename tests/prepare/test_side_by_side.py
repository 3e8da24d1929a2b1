"""Two videos side by side, against pixels computed here, and what it says of data that cannot be paired.

Oracles: heights are divided by whole numbers, so that a resized pixel is the mean of a block, and a mask's the pixel under its centre.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vdit.benchmarks import ref_youtube_vos
from vdit.prepare.check import check
from vdit.prepare.side_by_side import prepare
from vdit.study import plan, spec

# By split and video: frames, height, width, the object's pixel value.
VIDEOS = {
    "train": {"alpha": (4, 48, 96, 1), "beta": (3, 32, 48, 9), "gamma": (5, 48, 48, 1)},
    "valid": {"delta": (2, 32, 64, 254), "epsilon": (2, 32, 48, 1)},
}
HEIGHT = 16
PLACE = "meta_expressions/{}/meta_expressions.json"
JSON = Path(PLACE.format("train"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tree(tmp_path / "source", VIDEOS)


def tree(root: Path, splits: dict[str, dict[str, tuple[int, int, int, int]]]) -> Path:
    for split, videos in splits.items():
        listing, objects = {}, {}
        for number, (name, (frames, height, width, value)) in enumerate(videos.items()):
            names = [f"{3 * index:05d}" for index in range(frames)]
            for index, frame in enumerate(names):
                draw(root / split, Path(name) / frame, (height, width), number + index, value)
            texts = [{"exp": f"the {word} thing of {name}", "obj_id": str(value)} for word in ("first", "other")]
            listing[name] = {"expressions": {str(7 + key): text for key, text in enumerate(texts)}, "frames": names}
            objects[name] = {"objects": {str(value): {"category": "thing"}}}
        write(root / split / "meta.json", objects)
        write(root / PLACE.format(split), listing)
    return root


def write(path: Path, videos: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"videos": videos}))


def draw(place: Path, frame: Path, size: tuple[int, int], number: int, value: int) -> None:
    """A shaded picture; a box of the object, a thing that no sentence is about, and a strip of void."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.stack([40 + 2 * rows + 9 * number, 60 + columns, 200 - rows - columns], axis=-1)
    labels = np.zeros(size, np.uint8)
    labels[5 + number : 21 + number, 7 : 30 + number] = value
    labels[:3], labels[-4:, 3:11] = 255, 77
    for kind, image, suffix in (("JPEGImages", picture.astype(np.uint8), "jpg"), ("Annotations", labels, "png")):
        path = place / kind / frame.with_suffix(f".{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, **({"quality": 95, "subsampling": 0} if suffix == "jpg" else {}))


def edit(root: Path, change: Callable[[dict], object]) -> None:
    content = json.loads((root / JSON).read_text())
    change(content["videos"])
    (root / JSON).write_text(json.dumps(content))


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def pairs(root: Path, split: str) -> list[tuple[str, str]]:
    left_right = [tuple(name.split("+")) for name in json.loads((root / PLACE.format(split)).read_text())["videos"]]
    assert all(len(pair) == 2 for pair in left_right)
    return left_right


def shrunk(pixels: NDArray[np.uint8], height: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The means of blocks and the pixels under their centres."""
    factor = len(pixels) // height
    blocks = pixels.reshape(height, factor, pixels.shape[1] // factor, factor, -1)
    return blocks.mean(axis=(1, 3)), blocks[:, factor // 2, :, factor // 2, 0]


def same_pixels(found: NDArray[np.uint8], expected: NDArray[np.float64]) -> None:
    apart = np.abs(found - expected)
    assert found.shape == expected.shape and apart.mean() < 1.5 and apart.max() < 16, (apart.mean(), apart.max())


def test_halves_are_the_resized_frames_and_masks_of_their_videos(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    for name, videos in VIDEOS.items():
        made, given = (ref_youtube_vos.index(ref_youtube_vos.RefYouTubeVOS, root, name, 5) for root in (tmp_path / "to", source))
        by_id = {video.id: video for video in given.videos}
        for video in made.videos:
            halves = [by_id[half] for half in video.id.split("+")]
            assert len(video.frames) == min(len(half.frames) for half in halves)
            every = tuple(range(len(video.frames)))
            for index, frame, labels in zip(every, made.frames(video, every), made.labels(video, every), strict=True):
                pictures = [shrunk(given.frames(half, (index,))[0], HEIGHT)[0] for half in halves]
                same_pixels(frame, np.concatenate(pictures, axis=1))
                masks = [shrunk(given.labels(half, (index,))[0], HEIGHT)[1] == videos[half.id][3] for half in halves]
                assert np.array_equal(labels, np.concatenate([masks[0] * 1, masks[1] * 2], axis=1))


def test_without_a_height_pixels_stay_as_they_are(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", {"train": {"a": (2, 32, 44, 3), "b": (2, 32, 50, 5)}})
    list(prepare(source, tmp_path / "to", 0))
    made, given = (ref_youtube_vos.index(ref_youtube_vos.RefYouTubeVOS, root, "train", 5) for root in (tmp_path / "to", source))
    by_id = {video.id: video for video in given.videos}
    for video in made.videos:
        left, right = (by_id[half] for half in video.id.split("+"))
        expected = np.concatenate([given.frames(left, (0, 1)), given.frames(right, (0, 1))], axis=2)
        same_pixels(made.frames(video, (0, 1)), expected.astype(np.float64))
        masks = given.masks(left, (0, 1), left.expressions[0].object), given.masks(right, (0, 1), right.expressions[0].object)
        assert np.array_equal(made.labels(video, (0, 1)), np.concatenate([masks[0] * 1, masks[1] * 2], axis=2))


def test_widths_keep_the_ratio_to_the_nearest_multiple_of_8_and_are_never_none(tmp_path: Path) -> None:
    """Of 32 pixels' height halved: 44 wide would be 22, 38 would be 19, and 8 would be 4."""
    source = tree(tmp_path / "source", {"train": {"a": (2, 32, 44, 3), "b": (2, 32, 38, 5), "c": (2, 32, 8, 1)}})
    list(prepare(source, tmp_path / "to", HEIGHT))
    made = ref_youtube_vos.index(ref_youtube_vos.RefYouTubeVOS, tmp_path / "to", "train", 5)
    wide = {"a": 24, "b": 16, "c": 8}
    for video in made.videos:
        left, right = video.id.split("+")
        assert made.frames(video, (0, 1)).shape == (2, HEIGHT, wide[left] + wide[right], 3)
        labels = made.labels(video, (0, 1))
        assert set(np.unique(labels[:, :, : wide[left]])) <= {0, 1} and set(np.unique(labels[:, :, wide[left] :])) <= {0, 2}


def test_expressions_are_those_of_both_and_each_names_its_half(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    for split in VIDEOS:
        for video in ref_youtube_vos.read(tmp_path / "to", split, 5).videos:
            said = [f"the {word} thing of {half}" for half in video.id.split("+") for word in ("first", "other")]
            assert [(one.id, one.text, one.object) for one in video.expressions] == list(zip("0123", said, (1, 1, 2, 2), strict=True))
        meta = json.loads((tmp_path / "to" / split / "meta.json").read_text())["videos"]
        assert {name: [one["video"] for one in entry["objects"].values()] for name, entry in meta.items()} == {
            "+".join(pair): list(pair) for pair in pairs(tmp_path / "to", split)
        }


def test_every_video_is_once_left_and_once_right_whatever_their_order(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    for split, videos in VIDEOS.items():
        found = pairs(tmp_path / "to", split)
        assert Counter(left for left, _ in found) == Counter(right for _, right in found) == Counter(list(videos))
        # One ring, along the digests.
        ring = sorted(videos, key=lambda name: sha256(b"0/" + name.encode()).hexdigest())
        assert found == [(name, ring[(place + 1) % len(ring)]) for place, name in enumerate(ring)]
    before = content(tmp_path / "to")
    edit(source, lambda videos: videos.update({name: videos.pop(name) for name in sorted(videos, reverse=True)}))
    list(prepare(source, tmp_path / "again", HEIGHT))
    assert content(tmp_path / "again") == before


def test_the_check_finds_no_problem(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    report = check("ref_youtube_vos", tmp_path / "to", (), tmp_path / "manifests", lambda *_: None)
    assert report.problems == () and report.digest
    assert {name: (one.videos, one.expressions) for name, one in report.splits.items()} == {"train": (3, 12), "valid": (2, 8)}


def test_only_splits_with_masks_are_taken_also_those_in_another_ones_folder(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "valid/Annotations")
    held = json.loads((source / JSON).read_text())
    held["videos"].pop("beta")
    path = source / PLACE.format("held_out")
    path.parent.mkdir()
    path.write_text(json.dumps({"folder": "train", **held}))
    list(prepare(source, tmp_path / "to", HEIGHT))
    assert ref_youtube_vos.splits(tmp_path / "to") == ("held_out", "train")
    assert sorted(pairs(tmp_path / "to", "held_out")) == [("alpha", "gamma"), ("gamma", "alpha")]


def test_a_second_time_nothing_changes_and_the_source_never_does(source: Path, tmp_path: Path) -> None:
    given = content(source)
    first = list(prepare(source, tmp_path / "to", HEIGHT))
    assert f"{tmp_path / 'to/train'}: 3 videos, 10 frames and masks" in first
    assert [line.rpartition(": ")[2] for line in first[1::3] + first[2::3]] == ["written"] * 4
    before = times(tmp_path / "to")
    again = list(prepare(source, tmp_path / "to", HEIGHT))
    assert sum("as it was" in line for line in again) == 4 and not any("written" in line for line in again)
    assert times(tmp_path / "to") == before
    assert content(source) == given


def test_another_height_in_the_same_folder_is_refused_and_nothing_overwritten(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    before = content(tmp_path / "to")
    with pytest.raises(ValueError, match="exists and does not hold what would be written; remove it, or choose another folder"):
        list(prepare(source, tmp_path / "to", 8))
    assert content(tmp_path / "to") == before


def test_a_split_that_breaks_off_has_no_listing(source: Path, tmp_path: Path) -> None:
    path = source / "train/JPEGImages/alpha/00006.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"alpha/00006\.jpg is truncated"):
        list(prepare(source, tmp_path / "to", HEIGHT))
    assert not (tmp_path / "to" / JSON).exists()


def two_objects(videos: dict) -> None:
    videos["beta"]["expressions"]["8"]["obj_id"] = "10"


def another_object(root: Path) -> None:
    edit(root, two_objects)
    write(root / "train/meta.json", {name: {"objects": {"1": {}, "9": {}, "10": {}}} for name in VIDEOS["train"]})


def rename(root: Path, name: str) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (root / "train" / kind / "beta").rename(root / "train" / kind / name)
    edit(root, lambda videos: videos.update({name: videos.pop("beta")}))
    meta = root / "train/meta.json"
    meta.write_text(meta.read_text().replace('"beta"', f'"{name}"'))


def hide(root: Path) -> None:
    """The object of gamma, which is longer than those beside it, appears in its last frame only."""
    for path in sorted((root / "train/Annotations/gamma").iterdir())[:-1]:
        Image.new("L", (48, 48)).save(path)


def resize(root: Path) -> None:
    Image.new("RGB", (90, 48)).save(root / "train/JPEGImages/alpha/00003.jpg")
    Image.new("L", (90, 48)).save(root / "train/Annotations/alpha/00003.png")


BAD: dict[str, tuple[Callable[[Path], object], int, tuple[str, ...]]] = {
    "no folder": (shutil.rmtree, HEIGHT, ("source has no split with masks", "check the path")),
    "two objects": (another_object, HEIGHT, (str(JSON), "videos.beta", "the objects 9, 10", "leave one")),
    "no expression": (
        lambda root: edit(root, lambda videos: videos["beta"].update(expressions={})),
        HEIGHT,
        (str(JSON), "videos.beta.expressions is empty", "remove the video"),
    ),
    "one video": (
        lambda root: edit(root, lambda videos: [videos.pop(name) for name in ("alpha", "beta")]),
        HEIGHT,
        (f"{JSON} lists 1 video", "two"),
    ),
    "heights": (lambda root: None, 0, ("train/JPEGImages/", "alpha", "beta", "is 32 pixels high", "is 48 pixels high", "--height")),
    "no height": (lambda root: None, -1, ("--height is -1", "0")),
    "frames of two sizes": (resize, HEIGHT, ("alpha/00003.jpg is 90x48, but 00000.jpg of its video is 96x48", "restore")),
    "an object that is not seen": (hide, HEIGHT, ("object 1 of video gamma is in no mask", "first", "take the video out")),
    "a name that joins": (lambda root: rename(root, "be+ta"), HEIGHT, (str(JSON), "'be+ta'", "rename")),
    "a missing mask": (
        lambda root: (root / "train/Annotations/beta/00003.png").unlink(),
        HEIGHT,
        ("beta/00003.png, which does not exist", "restore it"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_paired_is_refused_before_anything_is_written(source: Path, tmp_path: Path, name: str) -> None:
    damage, height, said = BAD[name]
    damage(source)
    with pytest.raises(ValueError) as caught:
        list(prepare(source, tmp_path / "to", height))
    message = str(caught.value)
    assert "\n" not in message and all(part in message for part in said), message
    assert not (tmp_path / "to").exists()


def test_a_name_that_leads_elsewhere_is_refused(source: Path, tmp_path: Path) -> None:
    edit(source, lambda videos: videos.update({"./beta": videos.pop("beta")}))
    (source / "train/meta.json").unlink()
    with pytest.raises(ValueError, match=r"the name '\./beta' has one of"):
        list(prepare(source, tmp_path / "to", HEIGHT))


def test_a_folder_is_not_written_into_itself(source: Path) -> None:
    before = content(source)
    with pytest.raises(ValueError, match="choose another folder"):
        list(prepare(source, source.parent / "." / "source", HEIGHT))
    assert content(source) == before


def test_the_davis_sample(shared: Path, tmp_path: Path) -> None:
    """Its eight sequences of valid, at the size that the study `real` is for: 428x240 shrunk to 112x64 each."""
    given = shared / "data" / "davis-sentences"
    if not given.is_dir():
        pytest.skip("davis-sentences is not among the shared material")
    source, to = tmp_path / "source", tmp_path / "to"
    (source / "meta_expressions").mkdir(parents=True)
    for part in ("valid", "meta_expressions/valid"):
        (source / part).symlink_to(given / part)
    list(prepare(source, to, 64))
    split = ref_youtube_vos.index(ref_youtube_vos.RefYouTubeVOS, to, "valid", 5)
    assert (len(split.videos), sum(len(video.expressions) for video in split.videos)) == (8, 32)
    assert all(split.size(video) == (64, 224) for video in split.videos)
    for video in split.videos:
        halves = split.labels(video, (0,))[0]
        assert set(np.unique(halves[:, :112])) <= {0, 1} and set(np.unique(halves[:, 112:])) <= {0, 2} and halves.any()
    assert check("ref_youtube_vos", to, (), tmp_path / "manifests", lambda *_: None).problems == ()


def test_the_study_real_is_planned_on_such_a_folder(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", HEIGHT))
    file = Path(__file__).resolve().parents[2] / "experiments" / "real.yaml"
    made = plan.build(spec.read(str(file), data=tmp_path / "to"), tmp_path / "runs")
    demo = spec.read(str(file.with_name("demo.yaml")))
    assert [arm.name for arm in made.arms] == [arm.name for arm in plan.build(demo, tmp_path / "runs", provisional=True).arms]
    assert len(made.trials) == 5 and {one.trial.data.benchmark for one in made.trials} == {"ref_youtube_vos"}
    assert {one.trial.launch.weights for one in made.trials} == {"shipped:miniature"}
