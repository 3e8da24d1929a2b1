"""Files of a conversion: whole or not at all, nothing overwritten, the source only read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vdit.prepare import output


def test_a_file_is_written_once_and_then_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    assert output.write(path, ("ab", "c\n")) == f"{path}: written"
    assert path.read_bytes() == b"abc\n"
    before = path.stat()
    assert output.write(path, ("a", "bc\n")) == f"{path}: as it was"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_bytes_are_written_like_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    assert output.write_bytes(path, (b"\r\n", b"\xff")) == f"{path}: written"
    assert output.write_bytes(path, (b"\r\n\xff",)) == f"{path}: as it was"
    with pytest.raises(ValueError, match="does not hold what would be written"):
        output.write_bytes(path, (b"",))
    assert path.read_bytes() == b"\r\n\xff" and [entry.name for entry in path.parent.iterdir()] == ["a.png"]


def test_a_file_that_holds_anything_else_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("somebody's")
    with pytest.raises(ValueError, match="does not hold what would be written; remove it"):
        output.write(path, ("abc",))
    assert path.read_text() == "somebody's" and [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_file_appears_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        output.write(tmp_path / "a.json", ("abc",))
    assert not list(tmp_path.iterdir())


def test_what_ends_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "first"
        raise ValueError("no second")

    with pytest.raises(ValueError, match="no second"):
        output.write(tmp_path / "a.json", pieces())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("copy", [False, True])
def test_files_are_linked_or_copied_and_found_again(tmp_path: Path, copy: bool) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"pixels")
    for _ in range(2):
        output.mirror([source], tmp_path / "to", copy)
    target = tmp_path / "to" / "source.jpg"
    assert target.read_bytes() == b"pixels" and target.samefile(source) is not copy
    # A link where copies are asked for, and the other way round, are the same file.
    output.mirror([source], tmp_path / "to", not copy)
    assert [entry.name for entry in (tmp_path / "to").iterdir()] == ["source.jpg"]


def test_another_file_of_that_name_is_refused_and_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "to" / "a.jpg"
    source.write_bytes(b"one")
    target.parent.mkdir()
    target.write_bytes(b"two")
    # Size and time do not tell them apart.
    os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    with pytest.raises(ValueError, match=r"to/a\.jpg exists and does not hold"):
        output.mirror([source], target.parent, copy=False)
    assert target.read_bytes() == b"two"


def test_where_links_cannot_be_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (tmp_path / "a.jpg").write_bytes(b"one")
    with pytest.raises(ValueError, match=r"cross-device link.*--copy"):
        output.mirror([tmp_path / "a.jpg"], tmp_path / "to", copy=False)
    output.mirror([tmp_path / "a.jpg"], tmp_path / "to", copy=True)
