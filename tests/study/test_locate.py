"""Oracle: files put where they should, and should not, be found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.study.locate import deepspeed_file, preset_file, resolve


def test_a_path_and_a_name_find_the_same_file(write: Callable[[str], Path]) -> None:
    path = write("study: mine\n")
    assert resolve("demo").resolve() == resolve(str(path)).resolve() == path


def test_the_callers_folder_comes_before_the_projects_own(write: Callable[[str], Path]) -> None:
    path = write("study: mine\n")
    assert resolve("demo").resolve() == path
    path.unlink()
    assert resolve("demo").resolve() == Path(__file__).resolve().parents[2] / "experiments" / "demo.yaml"


def test_a_folder_of_the_studys_name_is_not_the_study(write: Callable[[str], Path]) -> None:
    path = write("study: mine\n")
    Path("demo").mkdir()
    assert resolve("demo").resolve() == path


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("dmo", "no study 'dmo' in experiments .*; did you mean 'demo'"),
        ("x/demo", "no such study file"),
        ("dem.yaml", "no such study file"),
        ("", "no such study file"),
    ],
)
def test_an_unknown_study_names_the_nearest_or_all(write: Callable[[str], Path], given: str, message: str) -> None:
    write("")
    with pytest.raises(ValueError, match=message):
        resolve(given)


def test_a_preset_and_deepspeeds_file_beside_the_study_come_first(write: Callable[[str], Path], tmp_path: Path) -> None:
    path = write("")
    assert preset_file(path, "small") == path.parent / "presets" / "small.yaml"
    assert deepspeed_file(path) == tmp_path / "cluster" / "deepspeed.json"


def test_a_study_far_from_any_project_uses_the_projects_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path(__file__).resolve().parents[2]
    assert preset_file(tmp_path / "mine.yaml", "miniature") == own / "experiments" / "presets" / "miniature.yaml"
    assert deepspeed_file(tmp_path / "mine.yaml") == own / "cluster" / "deepspeed.json"
