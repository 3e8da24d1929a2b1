"""A table of the paper whose cells know their trials: per arm and column the value of every seed, beside the published number."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns, TrialRun


@dataclass(frozen=True, kw_only=True)
class Column:
    """`key` names it in traces and CSV, `published` in the paper's CSV; `undefined` says when its value does not exist."""

    key: str
    title: str
    latex: str
    published: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    undefined: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """One trial's value of a cell."""

    value: float
    trial: TrialRun


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`planned` is how many seeds the study asks for, 0 where the row is the paper's only. `why` explains a cell without a value."""

    sources: tuple[Source, ...]
    planned: int
    published: float | None
    why: str

    @property
    def state(self) -> Literal["measured", "undefined", "incomplete", "paper only"]:
        if self.planned == 0:
            return "paper only"
        if len(self.sources) < self.planned:
            return "incomplete"
        return "undefined" if any(math.isnan(source.value) for source in self.sources) else "measured"

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN unless the cell is measured."""
        return statistics.fmean(source.value for source in self.sources) if self.state == "measured" else math.nan

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over the seeds; None below two of them."""
        if self.state != "measured" or len(self.sources) < 2:
            return None
        return statistics.stdev(source.value for source in self.sources)


@dataclass(frozen=True, kw_only=True)
class Row:
    """`marks` are the table's tick columns: None where the study does not say."""

    name: str
    marks: tuple[bool | None, ...]
    cells: tuple[Cell, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    title: str
    source: str
    marks: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notice: str
    notes: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The title with the paper's number: "table5_readings" -> "Table 5. ..."."""
        return f"Table {self.name.removeprefix('table').partition('_')[0]}. {self.title}"

    @property
    def complete(self) -> bool:
        """Every planned trial is there. A quantity that the data leave undefined is not incomplete."""
        return all(cell.state != "incomplete" for row in self.rows for cell in row.cells)

    def best(self, index: int) -> frozenset[str]:
        """Names of the rows with the best printed mean in a column, among the complete ones; none where all are equal."""
        column = self.columns[index]
        means = {row.name: round(row.cells[index].mean, column.decimals) for row in self.rows if row.cells[index].state == "measured"}
        if len(set(means.values())) < 2:
            return frozenset()
        top = max(means.values()) if column.better == "higher" else min(means.values())
        return frozenset(name for name, mean in means.items() if mean == top)

    def footnotes(self) -> tuple[str, ...]:
        """Why cells or rows are not plain numbers, in the order of first use; footnote letters count along it."""
        reasons = [row.note for row in self.rows if row.note]
        for row in self.rows:
            reasons += [cell.why for cell in row.cells if cell.why]
        return tuple(dict.fromkeys(reasons))

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def cell(self, row: str, column: str) -> Cell | None:
        """The cell of a row's name and a column's key; None where the table has no such row or column."""
        found = self.row(row)
        index = next((place for place, known in enumerate(self.columns) if known.key == column), None)
        return None if found is None or index is None else found.cells[index]


def measured(
    runs: StudyRuns,
    columns: tuple[Column, ...],
    published: Published,
    measure: Callable[[pd.DataFrame], Mapping[str, float]],
    marks: Callable[[Mapping[str, object]], tuple[bool | None, ...]] = lambda _: (),
) -> tuple[Row, ...]:
    """Rows of a table whose columns come from each trial's scores. `measure` returns a number per column key, NaN where it has none.

    The paper's methods that the study lacks show the paper's number only.
    """
    rows = []
    for name in _order(runs, published):
        values = [(trial, measure(trial.frame("scores"))) for trial in runs.of(name)]
        cells = tuple(_cell(runs, name, column, values, published.get(name, {}).get(column.published)) for column in columns)
        rows.append(Row(name=name, marks=_marks(runs, name, published, marks), cells=cells, note=_note(runs, name)))
    return tuple(rows)


def component_notes(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """The legend of those ticks."""
    unsaid = any(mark is None for row in rows for mark in row.marks)
    return ("NP: noise prediction.", *(("·: the study leaves this to its preset.",) if unsaid else ()))


def components_of(levels: Mapping[str, object]) -> tuple[bool | None, ...]:
    """The ticks of Tables 3 and 6: image tokens, referring text, noise prediction. None where the study leaves an axis to its preset."""
    prompt, noise = levels.get("prompt"), levels.get("noise")
    words = None if prompt is None else str(prompt).split("+")
    return (
        None if words is None else "image" in words,
        None if words is None else "text" in words,
        None if noise is None else str(noise).startswith("predicted"),
    )


def _order(runs: StudyRuns, published: Published) -> list[str]:
    """The paper's methods in its order, then the study's other arms and methods; the study's alone if it has none of the paper's."""
    own = [*runs.arms, *runs.methods]
    shared = any(name in published for name in own)
    return list(dict.fromkeys([*(published if shared else ()), *own]))


def _cell(
    runs: StudyRuns,
    arm: str,
    column: Column,
    values: list[tuple[TrialRun, Mapping[str, float]]],
    published: float | None,
) -> Cell:
    sources = tuple(Source(value=float(found[column.key]), trial=trial) for trial, found in values)
    cell = Cell(sources=sources, planned=len(runs.planned_of(arm)), published=published, why="")
    if cell.state == "incomplete":
        return Cell(sources=sources, planned=cell.planned, published=published, why="; ".join(runs.refusals(arm)))
    if cell.state == "undefined":
        return Cell(sources=sources, planned=cell.planned, published=published, why=column.undefined)
    return cell


def _marks(
    runs: StudyRuns,
    arm: str,
    published: Published,
    marks: Callable[[Mapping[str, object]], tuple[bool | None, ...]],
) -> tuple[bool | None, ...]:
    if arm in runs.arms:
        return marks(runs.levels(arm))
    if arm not in published:
        # A method that is not the paper's has none of VD-IT's components.
        return tuple(False for _ in marks({}))
    ticks = ("image_cond", "text_cond", "noise_prediction")
    return tuple(None if published[arm].get(tick) is None else published[arm][tick] == 1 for tick in ticks[: len(marks({}))])


def _note(runs: StudyRuns, arm: str) -> str:
    """What a reader must know of the row as a whole: whose numbers they are, no control, no trials of its own, or none of today's code."""
    if arm in runs.methods:
        return runs.methods[arm].note
    notes = []
    # While every backbone is random, the random arm is no control (interface.md).
    if runs.is_control(arm) and "random weights" in str(runs.plan.get("notice", "")):
        notes.append("Every backbone of this study has random weights: this arm is a second draw of them, not a control.")
    others = dict.fromkeys(other for entry in runs.planned_of(arm) for other in entry.shared_with)
    if others:
        notes.append(f"The same trials as {', '.join(others)}: the configurations are equal.")
    older = dict.fromkeys(trial.tags.get("vdit.code", "")[:12] for trial in runs.of(arm) if trial.accepted_for)
    if older:
        notes.append(f"Computed by older code ({', '.join(older)}) and accepted.")
    return " ".join(notes)
