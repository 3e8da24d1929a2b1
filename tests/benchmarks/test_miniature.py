"""The miniature world: sentences that name one object, masks that fit, the same bytes for the same seed."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vdit.benchmarks import miniature
from vdit.benchmarks.world import paths, pixels, scene
from vdit.config.data import Data, World
from vdit.video import Split, Video

WORLD = World(train_videos=40, valid_videos=20)
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}  # rows of an image run downwards
MOTIONS = {"moving left": "left", "moving right": "right", "moving up": "up", "moving down": "down", "standing still": "still"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "data"
    miniature.write(folder, WORLD)
    return folder


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def attributes(root: Path, split: str, number: int, video: Video) -> dict[int, SimpleNamespace]:
    """Shape, colour and motion as meta.json has them; centres in shares of the frame from the scene."""
    objects = json.loads((root / split / "meta.json").read_text())["videos"][video.id]["objects"]
    drawn, _ = miniature.clip(WORLD, split, number)
    return {
        int(key): SimpleNamespace(**entry, centres=drawn.things[int(key) - 1].path / (WORLD.width, WORLD.height))
        for key, entry in objects.items()
    }


def possible(text: str, thing: SimpleNamespace) -> bool:
    """Whether one who reads the words one by one could mean the thing; a place only has to fit in one frame, by a hair."""
    words = set(text.split())
    colours, shapes = words & set(scene.COLOURS), words & set(scene.SHAPES)
    motions = {name for phrase, name in MOTIONS.items() if phrase in text}
    x, y = thing.centres.T
    places = {
        "on the left": x.min() < 0.5,
        "on the right": x.max() > 0.5,
        "at the top": y.min() < 0.5,
        "at the bottom": y.max() > 0.5,
    }
    fits = all(holds for phrase, holds in places.items() if phrase in text)
    return fits and colours <= {thing.colour} and shapes <= {thing.category} and motions <= {thing.motion}


def test_layout_has_both_splits_with_masks(root: Path) -> None:
    for name, videos in (("train", 40), ("valid", 20)):
        split = miniature.read(root, name, 5)
        assert len(split.videos) == videos
        video = split.videos[-1]
        assert video.frames[:3] == ("00000", "00005", "00010") and len(video.frames) == 12
        frames, labels = split.frames(video, tuple(range(12))), split.labels(video, tuple(range(12)))
        assert frames.shape == (12, 64, 96, 3) and labels.shape == (12, 64, 96)
        assert set(np.unique(labels)) == {0, *(expression.object for expression in video.expressions)}


@pytest.mark.parametrize("name", ["train", "valid"])
def test_every_sentence_can_mean_its_object_and_no_other(root: Path, name: str) -> None:
    known = re.compile(
        rf"the ({'|'.join(scene.COLOURS)})? ?({'|'.join(scene.SHAPES)}|object)( moving (left|right|up|down)| standing still)?"
        r"( on the (left|right)| at the (top|bottom))?"
    )
    for number, video in enumerate(miniature.read(root, name, 5).videos):
        things = attributes(root, name, number, video)
        assert len({expression.text for expression in video.expressions}) == len(video.expressions) == 2 * len(things)
        for expression in video.expressions:
            assert known.fullmatch(expression.text) and expression.text != "the object"
            assert [key for key, thing in things.items() if possible(expression.text, thing)] == [expression.object], expression.text


def test_masks_are_where_and_move_as_the_attributes_say(root: Path) -> None:
    split = miniature.read(root, "train", 5)
    for number, video in enumerate(split.videos):
        labels = split.labels(video, (0, 11))
        for key, thing in attributes(root, "train", number, video).items():
            first, last = (np.argwhere(label == key).mean(axis=0)[::-1] for label in labels)
            moved = last - first
            expected = np.array(DIRECTIONS[thing.motion]) * 64 * np.mean(paths.TRAVEL)
            assert np.abs(moved - expected).max() < 64 * 0.18, (video.id, key, thing.motion, moved)
            assert np.abs(first / (96, 64) - thing.centres[0]).max() < 0.08


def test_objects_are_whole_inside_the_frame_and_mostly_visible(root: Path) -> None:
    split = miniature.read(root, "train", 5)
    for number, video in enumerate(split.videos[:15]):
        drawn, _ = miniature.clip(WORLD, "train", number)
        labels = split.labels(video, tuple(range(12)))
        for index in range(len(drawn.things)):
            _, alone = pixels.draw(replace(drawn, order=(index,)))
            whole, visible = (alone == index + 1).sum(axis=(1, 2)), (labels == index + 1).sum(axis=(1, 2))
            assert whole.max() - whole.min() <= 0.12 * whole.max()
            assert (visible >= 0.5 * whole).all()


def test_nearer_objects_hide_farther_ones() -> None:
    hidden = 0
    for number in range(15):
        drawn, _ = miniature.clip(WORLD, "train", number)
        _, labels = pixels.draw(drawn)
        front = drawn.order[-1]
        alone = pixels.draw(replace(drawn, order=(front,)))[1]
        assert np.array_equal(labels == front + 1, alone == front + 1)
        behind = pixels.draw(replace(drawn, order=drawn.order[:-1]))[1]
        hidden += bool(((behind > 0) & (alone > 0)).any())
    assert hidden >= 2


def test_pixels_of_an_object_have_its_colour() -> None:
    drawn, _ = miniature.clip(WORLD, "train", 0)
    frames, labels = pixels.draw(drawn)
    for index, thing in enumerate(drawn.things):
        mean = frames[labels == index + 1].mean(axis=0)
        nearest = min(pixels.RGB, key=lambda colour: float(np.linalg.norm(np.array(pixels.RGB[colour]) * 0.78 - mean)))
        assert nearest == thing.colour


@pytest.mark.parametrize(("shape", "area"), [
    ("circle", np.pi * 0.95**2),
    ("ring", np.pi * (0.95**2 - 0.55**2)),
    ("bar", 1.9 * 0.56),
    ("pillar", 1.9 * 0.56),
    ("cross", 2 * 1.9 * 0.56 - 0.56**2),
    ("slash", 1.9 * 0.56),
])  # fmt: skip
def test_shapes_have_the_area_of_their_geometry_and_fit_the_unit_circle(shape: scene.Shape, area: float) -> None:
    v, u = np.mgrid[-1.2:1.2:600j, -1.2:1.2:600j]
    inside = pixels.distance(shape, u[None], v[None])[0] <= 0
    assert inside.sum() * (2.4 / 599) ** 2 == pytest.approx(area, rel=0.01)
    assert np.hypot(u, v)[inside].max() <= 1.01


@pytest.mark.parametrize(("shape", "on", "off"), [
    ("bar", (0.9, 0.0), (0.0, 0.9)),
    ("pillar", (0.0, -0.9), (0.9, 0.0)),
    ("slash", (0.6, -0.6), (0.6, 0.6)),
])  # fmt: skip
def test_strokes_lie_as_they_are_called(shape: scene.Shape, on: tuple[float, float], off: tuple[float, float]) -> None:
    """Right and down."""
    inside, outside = (pixels.distance(shape, *(np.full((1, 1, 1), place) for place in given)).item() for given in (on, off))
    assert inside < 0 < outside


def test_colour_does_not_tell_many_pairs_apart(root: Path) -> None:
    meta = json.loads((root / "train" / "meta.json").read_text())["videos"].values()
    clips = [[entry["colour"] for entry in video["objects"].values()] for video in meta]
    shared = np.mean([len(set(colours)) < len(colours) for colours in clips])
    assert 0.4 <= shared <= 0.95
    assert {len(colours) for colours in clips} == {2, 3}


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(tmp_path: Path) -> None:
    small = World(train_videos=2, valid_videos=1, frames=2)
    miniature.write(tmp_path / "zero", small)
    miniature.write(tmp_path / "again", small)
    assert content(tmp_path / "again") == content(tmp_path / "zero")
    miniature.write(tmp_path / "one", replace(small, seed=1))
    zero, one = content(tmp_path / "zero"), content(tmp_path / "one")
    assert zero.keys() == one.keys()
    assert not any(zero[name] == one[name] for name in zero if name.endswith(".jpg"))


def test_more_videos_leave_the_earlier_ones_as_they_are(root: Path, tmp_path: Path) -> None:
    miniature.write(tmp_path / "few", replace(WORLD, train_videos=2, valid_videos=1))
    few, many = content(tmp_path / "few"), content(root)
    assert all(few[name] == many[name] for name in few if name.endswith((".jpg", ".png")))


def test_train_and_valid_share_no_clip(root: Path) -> None:
    def clips(split: Split) -> set[bytes]:
        return {split.frames(video, (0,)).tobytes() for video in split.videos}

    train, valid = clips(miniature.read(root, "train", 5)), clips(miniature.read(root, "valid", 5))
    assert len(train) == 40 and len(valid) == 20 and not train & valid


def test_locate_writes_once_and_refuses_another_world(tmp_path: Path) -> None:
    data = Data(benchmark="miniature", world=World(train_videos=1, valid_videos=1, frames=2))
    folder = tmp_path / "deep" / "world"
    assert miniature.locate(data, folder) == folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert miniature.locate(data, folder) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(ValueError, match=r"not .*\"seed\": 5.*; remove it or pass another --data DIR$"):
        miniature.locate(replace(data, world=replace(data.world, seed=5)), folder)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds nothing that says what world it is"):
        miniature.locate(data, tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(miniature, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        miniature.write(tmp_path / "world", World(train_videos=1, valid_videos=1, frames=2))
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_comes_second_keeps_the_first_ones_folder_and_a_taken_folder_is_refused(tmp_path: Path) -> None:
    world = World(train_videos=1, valid_videos=1, frames=2)
    miniature.write(tmp_path / "world", world)
    before = content(tmp_path / "world")
    miniature.write(tmp_path / "world", world)
    assert content(tmp_path / "world") == before
    with pytest.raises(ValueError, match="is taken"):
        miniature.write(tmp_path / "world", replace(world, seed=3))
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


@pytest.mark.parametrize(("change", "said"), [
    ({"objects": 1}, "data.world.objects is 1, expected at least 2"),
    ({"height": 16}, "data.world.height is 16"),
    ({"frames": 0}, "data.world.frames is 0"),
    ({"seed": -1}, "data.world.seed is -1"),
    ({"hard_videos": -3}, "data.world.hard_videos is -3, expected at least 0"),
    ({"objects": 30, "train_videos": 9}, "lower world.objects"),
])  # fmt: skip
def test_an_impossible_world_is_refused(tmp_path: Path, change: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        miniature.write(tmp_path / "world", replace(World(), **change))
    assert list(tmp_path.iterdir()) == []
