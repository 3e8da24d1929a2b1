"""What is written appears whole, in place of what was there, and nothing half-written stays."""

from pathlib import Path

import pytest

from vdit.appearing import appearing


def test_what_appears_is_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "video"
    for name in ("old", "new"):
        with appearing(place) as draft:
            draft.mkdir()
            (draft / name).write_text(name)
    assert [path.name for path in place.iterdir()] == ["new"]
    with pytest.raises(RuntimeError), appearing(place) as draft:
        draft.mkdir()
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["video"] and (place / "new").is_file()


def test_a_file_takes_no_folders_place(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/00000.png").touch()
    with pytest.raises(IsADirectoryError), appearing(tmp_path / "masks") as draft:
        draft.write_text("rows")
    assert [path.name for path in tmp_path.rglob("*")] == ["masks", "00000.png"]
