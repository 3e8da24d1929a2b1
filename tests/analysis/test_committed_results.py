"""What is committed under experiments/results is what its rows say, and its page of reading quotes its report."""

import html
import re
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from vdit.study import document
from vdit.study.spec import Measure
from vdit_analysis import outputs
from vdit_analysis.runs import load

RESULTS = Path(__file__).resolve().parents[2] / "experiments" / "results"
STUDIES = sorted(path.parent for path in RESULTS.rglob("report.html"))
RECORDS = [folder for folder in STUDIES if folder.name != "crossings"]  # which was kept before there were records
PAGES = sorted(RESULTS.glob("*/README.md"))
NUMBER = re.compile(r"[+−]?\d+\.\d+")
NAMED = re.compile(r"`(\w+)`: ")
VERDICTS = ("appears", "the reverse appears", "open", "–")


def table_rows(report: Path) -> list[list[str]]:
    """The rows of every table of a report as the text of their cells."""
    rows = re.findall(r"<tr.*?</tr>", report.read_text(), flags=re.DOTALL)
    return [[said(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row, flags=re.DOTALL)] for row in rows]


def said(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def quoted(page: Path) -> list[tuple[Path, list[str]]]:
    """The rows of a page's tables that have figures, each with its study, the last that a line above begins with (`name`: ...)."""
    rows, study = [], page.parent
    for line in page.read_text().splitlines():
        if named := NAMED.match(line):
            study = page.parent / named[1]
        if line.startswith("|") and NUMBER.search(line):
            rows.append((study, [cell.strip(" *") for cell in line.strip("|").split("|")]))
    return rows


def test_every_study_that_is_kept_has_a_page_that_names_it() -> None:
    assert STUDIES
    for study in STUDIES:
        assert f"`{study.name}`" in (study.parent / "README.md").read_text()


@pytest.mark.parametrize("folder", STUDIES, ids=lambda path: path.name)
def test_the_rows_that_are_kept_are_of_what_the_study_measures(folder: Path) -> None:
    asked = set(document.read(RESULTS.parent / f"{folder.name}.yaml")["measure"])
    kept = {path.stem for path in folder.glob("*.parquet")}
    assert kept & set(get_args(Measure)) == asked & {"drift", "light", "clusters"}


@pytest.mark.parametrize("folder", STUDIES, ids=lambda path: path.name)
def test_table_3_is_the_mean_of_the_rows_that_are_kept(folder: Path) -> None:
    """J and F of an arm: over frames, then expressions, then seeds; no code of the tables is used."""
    rows = pd.read_parquet(folder / "scores.parquet")
    table = pd.read_csv(folder / "tables" / "table3.csv").set_index("method")
    sentences = rows.groupby(["arm", "seed", "video", "expression"])[["j", "f"]].mean()
    means = sentences.groupby(["arm", "seed"]).mean().groupby("arm").mean() * 100
    assert set(means.index) == set(table.index[table["seeds_done"] > 0])
    for arm, found in means.iterrows():
        assert table.loc[arm, "J"] == pytest.approx(found["j"], abs=1e-9)
        assert table.loc[arm, "F"] == pytest.approx(found["f"], abs=1e-9)
        assert table.loc[arm, "JF"] == pytest.approx((found["j"] + found["f"]) / 2, abs=1e-9)


@pytest.mark.parametrize("folder", STUDIES, ids=lambda path: path.name)
def test_the_runs_that_a_table_names_are_those_whose_rows_are_kept(folder: Path) -> None:
    rows = pd.read_parquet(folder / "scores.parquet")
    table = pd.read_csv(folder / "tables" / "table3.csv").set_index("method")
    for arm, own in rows.groupby("arm"):
        assert set(own["run"]) == set(str(table.loc[arm, "runs"]).split())
        assert table.loc[arm, "seeds_done"] == table.loc[arm, "seeds_planned"] == own["seed"].nunique()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_the_figures_of_a_row_of_a_page_stand_in_one_row_of_its_study(page: Path) -> None:
    rows = quoted(page)
    assert rows
    for study, (label, *cells) in rows:
        figures = set(NUMBER.findall(" ".join(cells)))
        reported = [row for row in table_rows(study / "report.html") if row and row[0]]
        same = (set(NUMBER.findall(" ".join(row[1:]))) for row in reported if label.startswith(row[0]))
        assert any(figures <= found for found in same), f"{page}: {study.name} has no {sorted(figures)} in a row of {label!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_a_page_gives_every_claim_of_its_reports_and_their_verdict(page: Path) -> None:
    rows = quoted(page)
    rows_of = {path.parent: table_rows(path) for path in page.parent.rglob("report.html")}
    claims = [(study, row) for study, found in rows_of.items() for row in found if len(row) == 6 and " minus " in row[1]]
    assert {row[-1] for _, row in claims} <= set(VERDICTS)
    assert claims
    for study, (says, *_, verdict) in claims:
        found = [row for of, row in rows if of == study and row[0].startswith(says) and verdict in row]
        assert found, f"{page}: {says!r} is {verdict!r} in the report of {study.name}"


@pytest.mark.parametrize("folder", RECORDS, ids=lambda path: path.name)
def test_what_is_kept_is_the_record_of_the_whole_study(folder: Path) -> None:
    runs = load(folder.name, str(folder))
    assert runs.complete and runs.planned and not runs.refused
    for path in folder.glob("*.parquet"):
        assert any(len(trial.frame(path.stem)) for trial in runs.trials.values()), "its digest is that of the record"
    places = {trial.document("config")["trial"]["launch"]["weights"] for trial in runs.trials.values()}
    assert places == {"shipped:miniature"}


@pytest.mark.slow
@pytest.mark.parametrize("folder", RECORDS, ids=lambda path: path.name)
def test_tables_and_figures_are_made_again_of_what_is_kept(folder: Path, tmp_path: Path) -> None:
    """To the byte, but for pictures, which are what the version of the plotting library makes of the numbers beside them."""
    made = outputs.build(load(folder.name, str(folder)), RESULTS.parent / "published")
    written = [path for path in outputs.write(made, tmp_path) if path.suffix not in (".png", ".svg")]
    assert written
    for path in written:
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path.name
