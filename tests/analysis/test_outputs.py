"""Which files a study's outputs are, and that they are whole or not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.registry import find, members
from vdit_analysis.outputs import FIGURES, TABLES, Outputs, build, write, write_atomically
from vdit_analysis.runs import StudyRuns

TABLE_NAMES = ("table3", "table5", "table5_readings", "table6", "table6_readings", "controls")


def test_every_output_has_its_files(outputs: Callable[[str], Outputs], tmp_path: Path) -> None:
    written = write(outputs("full"), tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in written}
    tables = {f"tables/{name}.{suffix}" for name in TABLE_NAMES for suffix in ("md", "tex", "csv")}
    figures = {f"figures/{name}.{suffix}" for name in ("fig4_drift", "fig5_light", "controls_by_seed") for suffix in ("png", "svg", "csv")}
    assert names == tables | figures == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}


def test_only_what_the_study_measures_is_made(load: Callable[[str], StudyRuns], published: Path) -> None:
    runs = load("full")
    made = build(replace(runs, plan={**runs.plan, "measure": ["quality"]}), published)
    assert [table.name for table in made.tables] == ["table6", "table6_readings"]
    assert not made.figures


@pytest.mark.parametrize("family", [TABLES, FIGURES])
def test_every_member_of_a_family_has_the_same_public_names(family: str) -> None:
    for name in members(family):
        module = find(family, name)
        wanted = ["MEASURE", "TITLE", "SOURCE", "build", *(["PUBLISHED", "COLUMNS"] if family == TABLES else ["draw"])]
        assert all(hasattr(module, symbol) for symbol in wanted), name


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomically(tmp_path / "table.md", b"old")

    def full_disk(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
