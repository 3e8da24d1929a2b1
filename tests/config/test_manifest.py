"""Oracles: files written here; the set of files that were read again."""

import json
import os
from pathlib import Path

import pytest

from vdit.config import manifest
from vdit.config.manifest import folder_digest, refresh


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "train" / "deep").mkdir(parents=True)
    (root / "train" / "a.txt").write_text("a")
    (root / "train" / "deep" / "b.txt").write_text("b")
    return root


def test_the_digest_is_that_of_names_and_content_wherever_the_folder_is(data: Path, tmp_path: Path) -> None:
    first = folder_digest(data, tmp_path / "m")
    moved = data.rename(tmp_path / "elsewhere")
    assert folder_digest(moved, tmp_path / "m") == folder_digest(moved, tmp_path / "other") == first


@pytest.mark.parametrize("edit", ["content", "same size", "new", "removed", "renamed"])
def test_every_change_of_the_files_moves_the_digest(data: Path, tmp_path: Path, edit: str) -> None:
    before, file = folder_digest(data, tmp_path / "m"), data / "train" / "a.txt"
    match edit:
        case "content":
            file.write_text("longer")
        case "same size":
            file.write_text("z")
            os.utime(file, ns=(1, 1))
        case "new":
            (data / "c.txt").write_text("c")
        case "removed":
            file.unlink()
        case "renamed":
            file.rename(data / "train" / "z.txt")
    assert folder_digest(data, tmp_path / "m") != before


def test_a_touched_file_a_readme_and_hidden_files_do_not_move_it(data: Path, tmp_path: Path) -> None:
    before = folder_digest(data, tmp_path / "m")
    os.utime(data / "train" / "a.txt", ns=(5, 5))
    (data / "README.md").write_text("x")
    (data / ".DS_Store").write_text("x")
    (data / ".git").mkdir()
    (data / ".git" / "head").write_text("x")
    assert folder_digest(data, tmp_path / "m") == before


def test_only_changed_files_are_read_again(data: Path, tmp_path: Path) -> None:
    read: list[str] = []

    def content(file: Path) -> str:
        read.append(file.name)
        return file.read_text()

    paths, file = ["train/a.txt", "train/deep/b.txt"], tmp_path / "m" / "x.json"
    refresh(data, paths, file, content)
    refresh(data, paths, file, content)
    (data / "train" / "a.txt").write_text("changed")
    assert refresh(data, paths, file, content)["train/a.txt"][2] == "changed"
    assert read == ["a.txt", "b.txt", "a.txt"]


def test_nothing_is_written_into_the_data_and_no_draft_is_left(data: Path, tmp_path: Path) -> None:
    folder_digest(data, tmp_path / "m")
    assert sorted(file.name for file in data.rglob("*") if file.is_file()) == ["a.txt", "b.txt"]
    assert [file.suffix for file in (tmp_path / "m").iterdir()] == [".json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"train/a.txt": 3}', '{"train/a.txt": [1, 2]}', "null"])
def test_a_damaged_manifest_is_made_again(data: Path, tmp_path: Path, text: str) -> None:
    before = folder_digest(data, tmp_path / "m")
    (file,) = (tmp_path / "m").iterdir()
    file.write_text(text)
    assert folder_digest(data, tmp_path / "m") == before
    assert len(json.loads(file.read_text())) == 2


def test_linked_folders_are_followed_and_circles_are_not(data: Path, tmp_path: Path) -> None:
    before = folder_digest(data, tmp_path / "m")
    (data / "train" / "deep" / "up").symlink_to(data)
    assert folder_digest(data, tmp_path / "m") == before
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "c.txt").write_text("c")
    (data / "linked").symlink_to(tmp_path / "disk")
    assert folder_digest(data, tmp_path / "m") != before


def test_a_missing_folder_an_empty_one_and_a_broken_link_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere: no such folder; check the path"):
        folder_digest(tmp_path / "nowhere", tmp_path / "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: the folder holds no files"):
        folder_digest(tmp_path / "empty", tmp_path / "m")
    (data / "train" / "gone.jpg").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"gone\.jpg: No such file"):
        folder_digest(data, tmp_path / "m")
    assert not list((tmp_path / "m").glob("*")) if (tmp_path / "m").exists() else True


def test_a_file_that_cannot_be_read_is_named(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: object, name: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(manifest, "file_digest", refuse)
    with pytest.raises(ValueError, match=r"a\.txt: Input/output error; mend"):
        folder_digest(data, tmp_path / "m")
