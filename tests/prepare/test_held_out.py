"""The held-out part of Ref-YouTube-VOS train: which videos, that the loader reads both parts, and refusals."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from vdit.benchmarks import miniature, ref_youtube_vos
from vdit.config.data import World
from vdit.prepare import held_out

PLACE = "meta_expressions/{}/meta_expressions.json"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six videos of train, of which two are held out."""
    miniature.write(tmp_path / "data", World(train_videos=6, valid_videos=1, frames=3, height=32, width=64, objects=2))
    monkeypatch.setattr(held_out, "VIDEOS", 2)
    return tmp_path / "data"


def test_the_two_parts_are_train_and_share_nothing(root: Path) -> None:
    said = list(held_out.prepare(root))
    assert said[1::2] == ["held_out: 2 videos", "train_without_held_out: 4 videos"]
    whole, held, rest = (ref_youtube_vos.read(root, split, 2) for split in ("train", "held_out", "train_without_held_out"))
    names = [{video.id for video in split.videos} for split in (held, rest)]
    assert not names[0] & names[1]
    assert [video for video in whole.videos if video.id in names[0]] == list(held.videos)
    assert [video for video in whole.videos if video.id in names[1]] == list(rest.videos)
    assert len(held.items) + len(rest.items) == len(whole.items)


def test_frames_and_masks_are_those_of_train_and_nothing_is_copied(root: Path) -> None:
    before = {path for path in root.rglob("*") if path.is_file()}
    list(held_out.prepare(root))
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path not in before} == {
        PLACE.format("held_out"),
        PLACE.format("train_without_held_out"),
    }
    whole, held = (ref_youtube_vos.read(root, split, 2) for split in ("train", "held_out"))
    video = held.videos[0]
    assert np.array_equal(held.frames(video, (0, 2)), whole.frames(video, (0, 2)))
    assert np.array_equal(held.labels(video, (0, 2)), whole.labels(video, (0, 2)))


def test_what_train_says_of_a_video_is_kept_whole(root: Path) -> None:
    path = root / PLACE.format("train")
    content = json.loads(path.read_text())
    for entry in content["videos"].values():
        entry["more"] = "ünread"
    path.write_text(json.dumps(content))
    list(held_out.prepare(root))
    for split in ("held_out", "train_without_held_out"):
        for name, entry in json.loads((root / PLACE.format(split)).read_text())["videos"].items():
            assert entry == content["videos"][name]


def test_the_videos_are_those_of_the_least_digests_in_any_order() -> None:
    names = [f"{number:05x}" for number in range(3471)]
    expected = set(sorted(names, key=lambda name: sha256(b"0/" + name.encode()).hexdigest())[:200])
    assert held_out.choose(dict.fromkeys(names)) == held_out.choose(dict.fromkeys(reversed(names))) == expected
    # Recorded: another choice would be another benchmark.
    assert sorted(expected)[:3] == ["00019", "0001a", "00036"]


def test_a_second_time_nothing_changes(root: Path) -> None:
    list(held_out.prepare(root))
    assert [line.rpartition(": ")[2] for line in held_out.prepare(root)][::2] == ["as it was", "as it was"]


def test_too_few_videos_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "VIDEOS", 6)
    with pytest.raises(ValueError, match="lists 6 videos, too few to hold 6 out; restore it"):
        list(held_out.prepare(root))
    assert not (root / "meta_expressions/held_out").exists()


def test_without_train_there_is_nothing_to_hold_out(root: Path) -> None:
    shutil.rmtree(root / "meta_expressions/train")
    with pytest.raises(ValueError, match=r"train/meta_expressions\.json does not exist; .* has the splits valid"):
        list(held_out.prepare(root))


def test_broken_train_is_refused(root: Path) -> None:
    (root / PLACE.format("train")).write_text('{"videos": {')
    with pytest.raises(ValueError, match=r"train/meta_expressions\.json: the file: Invalid JSON"):
        list(held_out.prepare(root))
