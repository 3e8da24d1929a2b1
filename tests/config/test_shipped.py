"""Checkpoints that come with the package: named alike everywhere, and read where the package is."""

from pathlib import Path

import pytest

from vdit.config import shipped


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny").mkdir()
    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    return tmp_path


def test_a_shipped_name_is_a_folder_of_the_package_and_a_folder_is_itself(root: Path) -> None:
    assert shipped.located("shipped:tiny") == root / "tiny"
    assert shipped.located("/elsewhere/tiny") == Path("/elsewhere/tiny")


@pytest.mark.parametrize("name", ["large", "", "../tiny", "."])
def test_what_does_not_ship_is_refused_by_name(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"shipped are \['tiny'\]"):
        shipped.located(f"shipped:{name}")


def test_nothing_ships_where_the_folder_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "ROOT", tmp_path / "none")
    with pytest.raises(ValueError, match=r"shipped are \[\]"):
        shipped.located("shipped:tiny")
