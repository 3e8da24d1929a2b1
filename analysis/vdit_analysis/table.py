"""A table of the paper whose cells know their trials: the value of every seed, how sure their mean is, and the published number."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vdit_analysis.stats import ROUNDING, Interval
from vdit_analysis.trial import TrialRun


@dataclass(frozen=True, kw_only=True)
class Column:
    """`key` names it in traces and CSV, `published` in the paper's CSV; `undefined` says when its value does not exist.

    A `difference` of two numbers is printed with its sign, and met or not.
    """

    key: str
    title: str
    latex: str
    published: str
    better: Literal["higher", "lower"]
    unit: str
    decimals: int
    undefined: str
    difference: bool = False


def of_benchmark(short: str, published: str, names: Sequence[tuple[str, str, str, str]], undefined: str) -> tuple[Column, ...]:
    """A benchmark's columns, in percent; `names` are key, title, LaTeX and the end of the published name of each."""
    return tuple(
        Column(
            key=f"{short}_{key}",
            title=f"{short}, {title}",
            latex=f"{short} {latex}",
            published=f"{published}_{ending}",
            better="higher",
            unit="percent",
            decimals=1,
            undefined=undefined,
        )
        for key, title, latex, ending in names
    )


@dataclass(frozen=True, kw_only=True)
class Source:
    """One trial's value of a cell, and the Parquet file of its run that it was computed from.

    What it is a difference to is in `beside`: trials, each with a file.
    """

    value: float
    trial: TrialRun
    file: str
    beside: tuple[tuple[TrialRun, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A cell minus that of the study's reference arm, both on the same videos and over the seeds that both have.

    `p` is the sign-flip test's, NaN below two videos; `effect` is Cohen's d over videos, NaN where there is none (stats.py). `why` says why
    there is no difference, else it is "".
    """

    interval: Interval
    p: float
    effect: float
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`planned` is how many seeds the study asks for, 0 where it asks for no such number. `why` explains a cell without a value.

    `interval` is that of a measured mean. `comparison` is None in the reference arm itself, and where either of the two is not measured.
    """

    sources: tuple[Source, ...]
    planned: int
    published: float | None
    why: str
    interval: Interval | None = None
    comparison: Comparison | None = None

    @property
    def state(self) -> Literal["measured", "undefined", "incomplete", "paper only", "none"]:
        if self.planned == 0:
            return "none" if self.published is None else "paper only"
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

    @property
    def met(self) -> bool | None:
        """Of a difference: whether its interval lies above 0; None without one."""
        return None if self.interval is None or math.isnan(self.interval.low) else self.interval.low > ROUNDING


@dataclass(frozen=True, kw_only=True)
class Row:
    """`marks` are the table's tick columns: None where the study does not say."""

    name: str
    marks: tuple[bool | None, ...]
    cells: tuple[Cell, ...]
    note: str

    @property
    def widest(self) -> Cell:
        """The cell with the most seeds: of another benchmark's columns there are none."""
        return max(self.cells, key=lambda cell: (len(cell.sources), cell.planned))


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    title: str
    source: str
    marks: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    reference: str
    notice: str
    notes: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The title with the paper's number, if it has one: "table5_readings" -> "Table 5. ..."."""
        number = self.name.removeprefix("table").partition("_")[0]
        return f"Table {number}. {self.title}" if number.isdecimal() else self.title

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
            reasons += [cell.comparison.why for cell in row.cells if cell.comparison and cell.comparison.why]
        return tuple(dict.fromkeys(reasons))

    @property
    def own(self) -> tuple[int, ...]:
        """Columns that this study measures; the others are of another benchmark, and empty."""
        return tuple(index for index, _ in enumerate(self.columns) if any(row.cells[index].planned for row in self.rows))

    @property
    def printed(self) -> tuple[int, ...]:
        """Columns of which the paper has a number."""
        return tuple(index for index, _ in enumerate(self.columns) if any(row.cells[index].published is not None for row in self.rows))

    @property
    def compared(self) -> tuple[Row, ...]:
        """The rows that differ from the reference arm by something that could be measured."""
        return tuple(row for row in self.rows if any(cell.comparison for cell in row.cells))

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def cell(self, row: str, column: str) -> Cell | None:
        """The cell of a row's name and a column's key; None where the table has no such row or column."""
        found = self.row(row)
        index = next((place for place, known in enumerate(self.columns) if known.key == column), None)
        return None if found is None or index is None else found.cells[index]
