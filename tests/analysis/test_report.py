"""The page: complete, and alone."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from vdit_analysis import render, report
from vdit_analysis.outputs import Outputs
from vdit_analysis.runs import StudyRuns

Make = Callable[[str], Outputs]
Load = Callable[[str], StudyRuns]
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Text, links and unbalanced tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.sources: list[str] = []
        self.targets: set[str] = set()
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.sources += [given[name] for name in ("src", "srcset", "data", "poster") if name in given]
        self.targets |= {given["href"]} if "href" in given else set()
        self.ids += [given["id"]] if "id" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def text(load: Load, outputs: Make) -> str:
    return report.page(load("full"), outputs("full"))


def test_the_page_loads_nothing(text: str) -> None:
    page = Page(text)
    assert not re.search(r"https?://", text)
    assert "<script" not in text and "@import" not in text and "url(" not in text
    assert page.sources and all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)


def test_the_page_is_well_formed_and_its_links_lead_somewhere(text: str) -> None:
    page = Page(text)
    assert not page.wrong and not page.open
    assert len(page.ids) == len(set(page.ids))
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)


def test_the_page_holds_every_number_and_every_run(text: str, outputs: Make, load: Load) -> None:
    words = {" ".join(word.split()) for word in Page(text).words}
    for table in outputs("full").tables:
        for row in table.rows:
            for cell, column in zip(row.cells, table.columns, strict=True):
                assert not render.ours(cell, column) or render.ours(cell, column) in words
                assert cell.published is None or render.papers(cell, column) in words
    assert all(trial.run_id in words for trial in load("full").trials.values())
    plotted = outputs("full").figures[1].curves.of("J", "VD-T")
    assert all(any(word.startswith(f"{y:.4g} ±") for word in words) for y in plotted["y"])


def test_the_page_says_first_that_it_is_no_reproduction(text: str) -> None:
    assert text.index("not a reproduction of the paper's numbers".replace("'", "&#39;")) < text.index("<table")


def test_a_trial_of_accepted_older_code_is_marked_among_the_trials(load: Load, outputs: Make) -> None:
    text = report.page(load("accepted"), outputs("accepted"))
    assert f"<code>{'c' * 12}</code>, accepted for <code>{'f' * 12}</code>" in text
    assert not Page(text).wrong


def test_an_incomplete_study_says_so(load: Load, outputs: Make) -> None:
    text = report.page(load("half"), outputs("half"))
    assert "Incomplete: 4 of 6 trials" in text
    assert not Page(text).wrong


def test_the_page_is_written_below_the_study(load: Load, outputs: Make, tmp_path: Path) -> None:
    path = report.write(load("shared"), outputs("shared"), tmp_path / "shared")
    assert path == tmp_path / "shared" / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
