"""Folders of predictions: whose they are, and that two do not mix."""

from pathlib import Path

import pytest

from vdit.submit.folder import CARD, claim


def test_a_folder_is_made_and_goes_on_with_the_same_identity(tmp_path: Path) -> None:
    claim(tmp_path / "a/b", {"trial": "x"})
    claim(tmp_path / "a/b", {"trial": "x"})
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == [CARD]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    claim(tmp_path, {"trial": "x"})
    assert (tmp_path / CARD).is_file()


@pytest.mark.parametrize("identity", [{"trial": "y"}, {}, {"trial": "x", "split": "valid"}])
def test_predictions_of_something_else_are_refused(tmp_path: Path, identity: dict[str, str]) -> None:
    claim(tmp_path, {"trial": "x"})
    with pytest.raises(ValueError, match="name a new folder with --out"):
        claim(tmp_path, identity)


def test_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    for place in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(ValueError, match=r"has content and no predictions\.json"):
            claim(place, {})
    for text in ("{", "[]"):
        (tmp_path / CARD).write_text(text)
        with pytest.raises(ValueError, match=CARD):
            claim(tmp_path, {})
