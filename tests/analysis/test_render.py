"""Tables as text. Oracles: hand-written lines, pandas reading the CSV back, and TeX's own rules for special characters."""

import io
import re
from collections.abc import Callable

import pandas as pd
import pytest

from vdit_analysis import export, render
from vdit_analysis.outputs import Outputs
from vdit_analysis.table import Table

Make = Callable[[str], Outputs]


@pytest.fixture
def table3(outputs: Make) -> Table:
    return outputs("full").tables[0]


def test_markdown_shows_ours_in_bold_where_best_and_the_papers_in_italics(table3: Table) -> None:
    lines = render.markdown(table3).splitlines()
    expected = "| VD-IT | ✓ | ✓ | ✓ | **50.9 ± 1.1** | **67.8 ± 1.4** | **33.9 ± 0.7** | *64.8* | *63.1* | *66.6* |"
    assert expected in lines
    assert "| J&F (paper, full size) |" in lines[4]


def test_markdown_rows_have_as_many_cells_as_the_head(outputs: Make) -> None:
    for table in outputs("full").tables:
        for part in render.markdown(table).split("\n## "):
            counts = {len(re.split(r"(?<!\\)\|", line)) for line in part.splitlines() if line.startswith("|")}
            assert len(counts) == 1


@pytest.mark.parametrize("study", ["full", "half"])
def test_every_format_carries_the_notice(outputs: Make, study: str) -> None:
    for table in outputs(study).tables:
        for text in (render.markdown(table), render.latex(table), export.as_csv(table)):
            assert "not a reproduction of the paper's numbers" in text


def test_incomplete_and_undefined_cells_say_so(outputs: Make) -> None:
    assert "| – 2/3 | – 2/3 | – 2/3 | *59.7* |" in render.markdown(outputs("half").tables[0])
    assert "over 3 seeds; 4/6 complete." in render.markdown(outputs("half").tables[0])
    table5 = render.markdown(outputs("full").tables[1])
    assert "n/a<sup>b</sup>" in table5
    assert "<sup>b</sup> No expression has more than 5 annotated frames." in table5


def test_latex_escapes_the_arms_and_balances_its_braces(table3: Table) -> None:
    text = render.latex(table3)
    assert r"random\_features \& co" in text
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.count("{") == body.count("}")
    rows = [line for line in body.split(r"\end{tabular}")[0].splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {9}  # method, 3 ticks, 3 of ours, 3 of the paper's


def test_latex_escape_covers_tex_special_characters() -> None:
    assert render.escape(r"a_b & 50% #1 {x} ~^\$") == r"a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}\$"


def test_latex_comments_name_the_run_of_every_trial(table3: Table) -> None:
    text = render.latex(table3)
    assert all(source.trial.run_id in text for row in table3.rows for source in row.cells[0].sources)


def test_csv_reads_back_with_full_precision(table3: Table) -> None:
    frame = pd.read_csv(io.StringIO(export.as_csv(table3))).set_index("method")
    for row in table3.rows:
        assert frame.loc[row.name, "J"] == row.cells[1].mean
        assert frame.loc[row.name, "J_spread"] == row.cells[1].spread
    assert frame.loc["VD-T", "JF_paper"] == 61.9
    assert frame.loc["VD-T", "seeds_done"] == 2
    assert frame["notice"].str.contains("not a reproduction").all()


def test_csv_of_an_incomplete_arm_has_an_empty_value(outputs: Make) -> None:
    frame = pd.read_csv(io.StringIO(export.as_csv(outputs("half").tables[0]))).set_index("method")
    assert frame["JF"].isna().all()
    assert (frame.loc["VD-I", "seeds_done"], frame.loc["VD-I", "seeds_planned"]) == (2, 3)
