"""`vdit tables` and `vdit report`: what they print, write and return."""

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from vdit.commands import report, tables


def run(module: ModuleType, folder: Path, *arguments: str, quiet: bool = False) -> Result:
    app = typer.Typer()
    app.command()(module.command)
    return CliRunner().invoke(app, list(arguments), obj={"runs": folder, "quiet": quiet}, env={"COLUMNS": "160"})


def test_tables_prints_ours_beside_the_papers_and_the_files(recorded: SimpleNamespace) -> None:
    result = run(tables, recorded.folder, "full")
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if line.startswith("VD-IT  "))
    assert "50.9 ± 1.1" in row and "64.8" in row
    assert "not a reproduction" in result.output
    for name in ("tables/table3.md", "tables/table6.csv", "figures/fig4_drift.svg"):
        assert (recorded.folder / "studies" / "full" / name).is_file()
        assert name in result.output


def test_incomplete_tables_are_written_and_exit_with_3(recorded: SimpleNamespace) -> None:
    result = run(tables, recorded.folder, "half", quiet=True)
    assert result.exit_code == 3
    assert "– 2/3" in result.output and "table3.md" not in result.output
    assert "– 2/3" in (recorded.folder / "studies" / "half" / "tables" / "table3.md").read_text(encoding="utf-8")


def test_json_is_all_that_is_printed(recorded: SimpleNamespace) -> None:
    result = run(tables, recorded.folder, "full", "--json")
    printed = json.loads(result.stdout)
    assert printed["study"] == "full" and printed["complete"] and "not a reproduction" in printed["notice"]
    found = {row["method"]: row["cells"]["JF"] for row in printed["tables"][0]["rows"]}
    assert found["VD-IT"]["mean"] == pytest.approx(50.9, abs=0.05) and found["VD-IT"]["paper"] == 64.8
    # All frames are of one video: a difference, and nothing that says how sure it is.
    assert found["VD-T"]["difference"]["estimate"] == pytest.approx(found["VD-T"]["mean"] - found["VD-IT"]["mean"])
    assert (found["VD-T"]["low"], found["VD-T"]["difference"]["low"], found["VD-T"]["difference"]["p"]) == (None, None, None)
    assert any("There is one video" in note for note in printed["tables"][0]["notes"])


def test_trace_prints_the_chain_and_writes_nothing(recorded: SimpleNamespace) -> None:
    result = run(tables, recorded.folder, "twins", "--trace", "table3:VD-IT:JF")
    assert result.exit_code == 0, result.output
    assert recorded.run_ids["VD-IT", 0] in result.output
    assert not (recorded.folder / "studies" / "twins").exists()


def test_report_writes_the_page_and_prints_its_path(recorded: SimpleNamespace) -> None:
    result = run(report, recorded.folder, "shared")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [str(recorded.folder / "studies" / "shared" / "report.html")]
    assert run(report, recorded.folder, "half").exit_code == 3


@pytest.mark.parametrize("module", [tables, report])
def test_bad_input_is_a_value_error_for_the_command_line_to_show(module: ModuleType, recorded: SimpleNamespace, tmp_path: Path) -> None:
    assert "did you mean 'full'" in str(run(module, recorded.folder, "ful").exception)
    assert "vdit run" in str(run(module, tmp_path, "full").exception)
    assert "--published" in str(run(module, recorded.folder, "full", "--published", str(tmp_path)).exception)
