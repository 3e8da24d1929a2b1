"""Ref-YouTube-VOS's folders and zip. Oracles: the official JSON's listing, and masks computed by hand."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.benchmarks import miniature
from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.config.data import World
from vdit.submit import ref_youtube_vos

WORLD = World(train_videos=1, valid_videos=2, frames=3, height=32, width=64, objects=2)


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """valid as it is distributed: without obj_id, Annotations and meta.json, and listed together with a test video."""
    root = tmp_path_factory.mktemp("official") / "data"
    miniature.write(root, WORLD)
    shutil.rmtree(root / "valid/Annotations")
    (root / "valid/meta.json").unlink()
    path = root / "meta_expressions/valid/meta_expressions.json"
    listing = json.loads(path.read_text())
    for video in listing["videos"].values():
        for said in video["expressions"].values():
            del said["obj_id"]
    hidden = {"expressions": {"0": {"exp": "a dog"}}, "frames": ["00000"]}
    path.write_text(json.dumps({"videos": {**listing["videos"], "test0000": hidden}}))
    (root / "meta_expressions/test").mkdir()
    (root / "meta_expressions/test/meta_expressions.json").write_text(json.dumps({"videos": {"test0000": hidden}}))
    return root


@pytest.fixture
def split(official: Path) -> RefYouTubeVOS:
    return ref_youtube_vos.listing(official, "valid")


def shares(video: int, expression: int, frames: int) -> np.ndarray:
    """A gradient that is another for each expression."""
    columns = np.linspace(0, 1, 64, dtype=np.float32) if expression % 2 else np.linspace(1, 0, 64, dtype=np.float32)
    return np.broadcast_to(columns, (frames, 32, 64)) * np.float32(0.5 + video / 2)


@pytest.fixture
def predictions(split: RefYouTubeVOS, tmp_path: Path) -> Path:
    for number, video in enumerate(split.videos):
        with ref_youtube_vos.writing(tmp_path / "out", video, 0.5) as write:
            for indices in ((0, 1), (2,)):
                write(indices, iter([(said, shares(number, place, len(indices))) for place, said in enumerate(video.expressions)]))
    return tmp_path / "out"


def test_the_official_valid_is_listed_without_truth_and_without_test_videos(split: RefYouTubeVOS) -> None:
    assert [video.id for video in split.videos] == ["valid0000", "valid0001"]
    assert {said.object for video in split.videos for said in video.expressions} == {0}
    assert split.frames(split.videos[0], (0, 2)).shape == (2, 32, 64, 3)


def test_masks_are_binary_grey_and_above_the_threshold(predictions: Path, split: RefYouTubeVOS) -> None:
    first, second = (said.id for said in split.videos[1].expressions[:2])
    folder = predictions / "Annotations/valid0001"
    with Image.open(folder / first / "00010.png") as image:
        assert image.mode == "L"
        falling = np.asarray(image)
    rising = np.asarray(Image.open(folder / second / "00000.png"))
    assert (falling[:, :32] == 255).all() and (falling[:, 32:] == 0).all()
    assert (rising[:, :32] == 0).all() and (rising[:, 32:] == 255).all()
    assert not np.asarray(Image.open(predictions / "Annotations/valid0000" / first / "00000.png")).any(), "a half is not above a half"


def test_a_video_appears_when_it_is_whole(split: RefYouTubeVOS, tmp_path: Path) -> None:
    video = split.videos[0]
    with pytest.raises(KeyboardInterrupt), ref_youtube_vos.writing(tmp_path, video, 0.5) as write:
        write((0, 1), iter([(video.expressions[0], shares(0, 0, 2))]))
        raise KeyboardInterrupt
    assert not ref_youtube_vos.finished(tmp_path, video) and not list((tmp_path / "Annotations").iterdir())


def test_the_zip_lists_what_the_official_json_lists(predictions: Path, split: RefYouTubeVOS, official: Path, tmp_path: Path) -> None:
    assert ref_youtube_vos.pack(predictions, split, tmp_path / "a.zip") == []
    listing = json.loads((official / "meta_expressions/valid/meta_expressions.json").read_text())["videos"]
    del listing["test0000"]
    expected = {
        f"Annotations/{name}/{key}/{frame}.png"
        for name, entry in listing.items()
        for key in entry["expressions"]
        for frame in entry["frames"]
    }
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == expected and len(archive.namelist()) == len(expected)
        name = "Annotations/valid0001/0/00005.png"
        assert archive.read(name) == (predictions / name).read_bytes()


def test_what_a_killed_prediction_left_behind_is_not_packed_and_in_nobodys_way(
    predictions: Path, split: RefYouTubeVOS, tmp_path: Path
) -> None:
    ref_youtube_vos.pack(predictions, split, tmp_path / "a.zip")
    folder = predictions / "Annotations"
    shutil.copytree(folder / "valid0001", folder / ".valid0001.4321")
    (folder / "valid0001/0/.00005.png.4321").write_bytes(b"half")
    assert ref_youtube_vos.pack(predictions, split, tmp_path / "b.zip") == []
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_same_masks_give_the_same_bytes(predictions: Path, split: RefYouTubeVOS, tmp_path: Path) -> None:
    ref_youtube_vos.pack(predictions, split, tmp_path / "a.zip")
    copy = Path(shutil.copytree(predictions, tmp_path / "copy", copy_function=shutil.copyfile))
    ref_youtube_vos.pack(copy, split, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


MASK = "Annotations/valid0001/0/00005.png"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing mask": (lambda out: (out / MASK).unlink(), "00005.png does not exist; predict the video again"),
    "missing video": (lambda out: shutil.rmtree(out / "Annotations/valid0001"), "valid0001 does not exist; predict the video"),
    "truncated": (lambda out: cut(out / MASK), "00005.png cannot be read"),
    "colours": (lambda out: Image.new("RGB", (64, 32)).save(out / MASK), "00005.png has mode RGB"),
    "another size": (lambda out: Image.new("L", (64, 31)).save(out / MASK), "00005.png is 64x31, its frame is 64x32"),
    "not binary": (lambda out: Image.new("L", (64, 32), 1).save(out / MASK), "00005.png has other values than 0 and 255"),
    "unknown video": (lambda out: shutil.copytree(out / "Annotations/valid0001", out / "Annotations/odd"), "odd/0/00000.png is not listed"),
    "unknown frame": (lambda out: shutil.copy(out / MASK, out / "Annotations/valid0001/0/00006.png"), "00006.png is not listed"),
    "a note": (lambda out: (out / "Annotations/notes.txt").write_text("x"), "notes.txt is not listed"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_a_server_would_stumble_over_is_said_and_nothing_is_written(
    predictions: Path, split: RefYouTubeVOS, tmp_path: Path, name: str
) -> None:
    damage, said = DAMAGE[name]
    damage(predictions)
    problems = ref_youtube_vos.pack(predictions, split, tmp_path / "a.zip")
    assert said in problems[0]
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".*"))
    shutil.rmtree(predictions)
    assert "does not exist; predict the split first" in ref_youtube_vos.pack(predictions, split, tmp_path / "a.zip")[0]


def test_an_id_that_leads_out_of_the_folder_is_refused(split: RefYouTubeVOS, tmp_path: Path) -> None:
    from dataclasses import replace

    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="cannot name a folder"):
            ref_youtube_vos.finished(tmp_path, replace(split.videos[0], id=name))
