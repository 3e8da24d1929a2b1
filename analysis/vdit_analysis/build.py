"""Rows of a table from the runs: the paper's methods and the study's arms and methods, every cell with its trials and interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from vdit_analysis import certainty
from vdit_analysis.certainty import Statistics
from vdit_analysis.published import Published
from vdit_analysis.rows import EXPRESSIONS, Rows
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Cell, Column, Row, Source
from vdit_analysis.trial import TrialRun

Marks = Callable[[Mapping[str, object]], tuple[bool | None, ...]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Columns that are computed together, of one benchmark or, "", of whichever the study is on.

    `measure` gives a number per column key, NaN where it has none; `statistics` the same numbers as functions of videos (quantities.py).
    """

    columns: tuple[Column, ...]
    measure: Callable[[pd.DataFrame], Mapping[str, float]]
    statistics: Statistics
    rows: Rows = EXPRESSIONS
    benchmark: str = ""

    def rows_of(self, trial: TrialRun, truth: TrialRun) -> pd.DataFrame:
        return self.rows.read(trial.frame(self.rows.file), truth.frame(self.rows.file))

    def measured_in(self, runs: StudyRuns) -> bool:
        """Whether the study's data are these columns'. Before a trial has finished nobody can say, and they count as missing."""
        if not self.benchmark or runs.first is None:
            return True
        return runs.benchmark == self.benchmark and len(self.rows_of(runs.first, runs.first)) > 0


def measured(runs: StudyRuns, parts: tuple[Part, ...], published: Published, marks: Marks = lambda _: ()) -> tuple[Row, ...]:
    """The rows of a table. The paper's methods that the study lacks, and columns of another benchmark, show the paper's number only."""
    names = _order(runs, published)
    cells: dict[str, list[Cell]] = {name: [] for name in names}
    for part in parts:
        for name, found in (_measured if part.measured_in(runs) else _elsewhere)(runs, part, names, published).items():
            cells[name] += found
    return tuple(
        Row(name=name, marks=_marks(runs, name, published, marks), cells=tuple(cells[name]), note=_note(runs, name, parts))
        for name in names
    )


def elsewhere(runs: StudyRuns, parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Why columns are empty: notes below a table of several benchmarks."""
    titles = (column.title for part in parts if not part.measured_in(runs) for column in part.columns)
    empty = dict.fromkeys(title.partition(",")[0] for title in titles)
    where = f"{runs.benchmark or 'other data'}, split {runs.first.data.get('eval_split', '')}" if runs.first else ""
    return (f"This study is measured on {where}; of {', '.join(empty)} there are the paper's numbers only.",) if empty else ()


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


def _elsewhere(runs: StudyRuns, part: Part, names: list[str], published: Published) -> dict[str, list[Cell]]:
    return {name: [_papers(published, name, column) for column in part.columns] for name in names}


def _measured(runs: StudyRuns, part: Part, names: list[str], published: Published) -> dict[str, list[Cell]]:
    """A part's cells of every row, each compared with the reference arm's where that has a number."""
    frames = {name: _frames(runs, part, name) for name in names}
    plain = {name: _plain(runs, part, name, frames[name], published) for name in names}
    compared = any(cell.state == "measured" for cell in plain.get(runs.reference, ()))
    return {
        name: certainty.of(
            plain[name], part.columns, part.statistics, frames[name], frames[runs.reference] if compared and name != runs.reference else {}
        )
        for name in names
    }


def _plain(runs: StudyRuns, part: Part, name: str, frames: Mapping[int, pd.DataFrame], published: Published) -> list[Cell]:
    """A row's cells without their intervals."""
    values = {seed: part.measure(frame) for seed, frame in frames.items()}
    trials, planned, refusals = runs.of(name, part.rows), runs.planned_of(name, part.rows), runs.refusals(name, part.rows)
    cells = []
    for column in part.columns:
        each = tuple(Source(value=float(values[one.seed][column.key]), trial=one, file=f"{part.rows.file}.parquet") for one in trials)
        cells.append(_cell(_papers(published, name, column), column, each, len(planned), refusals))
    return cells


def _frames(runs: StudyRuns, part: Part, name: str) -> dict[int, pd.DataFrame]:
    return {trial.seed: part.rows_of(trial, runs.first or trial) for trial in runs.of(name, part.rows)}


def _papers(published: Published, name: str, column: Column) -> Cell:
    return Cell(sources=(), planned=0, published=published.get(name, {}).get(column.published), why="")


def _cell(papers: Cell, column: Column, sources: tuple[Source, ...], planned: int, refusals: tuple[str, ...]) -> Cell:
    cell = replace(papers, sources=sources, planned=planned)
    if cell.state == "incomplete":
        return replace(cell, why="; ".join(why for why in refusals if why))
    return replace(cell, why=column.undefined) if cell.state == "undefined" else cell


def _marks(
    runs: StudyRuns,
    arm: str,
    published: Published,
    marks: Marks,
) -> tuple[bool | None, ...]:
    if arm in runs.arms:
        return marks(runs.levels(arm))
    if arm not in published:
        # A method that is not the paper's has none of VD-IT's components.
        return tuple(False for _ in marks({}))
    ticks = ("image_cond", "text_cond", "noise_prediction")
    return tuple(None if published[arm].get(tick) is None else published[arm][tick] == 1 for tick in ticks[: len(marks({}))])


def _note(runs: StudyRuns, arm: str, parts: tuple[Part, ...]) -> str:
    """What a reader must know of the row as a whole: whose numbers they are, no control, no trials of its own, or none of today's code."""
    if arm in runs.methods:
        fits = (runs.methods[arm].fit(part.rows, runs.first).note for part in parts if part.measured_in(runs))
        return " ".join(dict.fromkeys(note for note in fits if note))
    notes = []
    if runs.is_control(arm) and runs.untrained:
        notes.append("Every backbone of this study has random weights: this arm is a second draw of them, not a control.")
    others = dict.fromkeys(other for entry in runs.planned_of(arm) for other in entry.shared_with)
    if others:
        notes.append(f"The same trials as {', '.join(others)}: the configurations are equal.")
    older = dict.fromkeys(trial.tags.get("vdit.code", "")[:12] for trial in runs.of(arm) if trial.accepted_for)
    if older:
        notes.append(f"Computed by older code ({', '.join(older)}) and accepted.")
    return " ".join(notes)
