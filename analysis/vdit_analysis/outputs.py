"""Which quantity of a study makes which table or figure, and their files under runs/studies/<study>/ (interface.md, Files)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from uuid import uuid4

from matplotlib.figure import Figure as Drawing

from vdit.registry import find, members
from vdit_analysis import claims, export, plot, published, render
from vdit_analysis.claims import Finding
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Table

TABLES = "vdit_analysis.tables"
FIGURES = "vdit_analysis.figures"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure's numbers and how they are drawn; it is drawn when one of its pictures is asked for first."""

    curves: Curves
    draw: Callable[[Curves], Drawing]

    @property
    def png(self) -> bytes:
        return self._pictures[0]

    @property
    def svg(self) -> bytes:
        return self._pictures[1]

    @cached_property
    def _pictures(self) -> tuple[bytes, bytes]:
        with plot.look():
            drawing = self.draw(self.curves)
            return plot.png(drawing), plot.svg(drawing)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """`compared` makes the tables with another arm as the reference."""

    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    compared: Callable[[str], tuple[Table, ...]]

    @property
    def complete(self) -> bool:
        return all(table.complete for table in self.tables) and all(figure.curves.complete for figure in self.figures)

    @cached_property
    def claims(self) -> tuple[Finding, ...]:
        """What the paper says of its arms, as this study has it."""
        return claims.measured(self.tables, self.compared)


def build(runs: StudyRuns, published_folder: Path) -> Outputs:
    """Every table and figure that the study measures, in the paper's order. `published_folder` holds the paper's tables as CSV."""
    figures = tuple(Figure(curves=module.build(runs), draw=module.draw) for module in _measured(FIGURES, runs))

    def compared(arm: str) -> tuple[Table, ...]:
        return tables(replace(runs, plan={**runs.plan, "reference": arm}), published_folder)

    return Outputs(tables=tables(runs, published_folder), figures=figures, compared=compared)


def tables(runs: StudyRuns, published_folder: Path) -> tuple[Table, ...]:
    return tuple(_table(module, runs, published_folder / module.PUBLISHED) for module in _measured(TABLES, runs))


def _table(module: ModuleType, runs: StudyRuns, path: Path) -> Table:
    """With a note on every number of the paper that cannot be."""
    table: Table = module.build(runs, published.read(path))
    return replace(table, notes=(*table.notes, *(str(found) for found in published.lint(path))))


def write(outputs: Outputs, folder: Path) -> tuple[Path, ...]:
    """Each table as md, tex and csv, each figure as png, svg and csv below `folder`; returns the paths. No file is ever half-written."""
    written = []
    for table in outputs.tables:
        for suffix, text in (("md", render.markdown), ("tex", render.latex), ("csv", export.as_csv)):
            written.append(write_atomically(folder / "tables" / f"{table.name}.{suffix}", text(table).encode()))
    for figure in outputs.figures:
        name, content = figure.curves.name, figure.curves.as_csv().encode()
        for suffix, data in (("png", figure.png), ("svg", figure.svg), ("csv", content)):
            written.append(write_atomically(folder / "figures" / f"{name}.{suffix}", data))
    return tuple(written)


def write_atomically(path: Path, content: bytes) -> Path:
    """Raises OSError and leaves the old file as it was when the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _measured(family: str, runs: StudyRuns) -> tuple[ModuleType, ...]:
    """Files of a family whose MEASURE the study asks for, by name: table3 before table5, and last what the paper has no number for."""
    names = sorted(members(family), key=lambda name: (not any(letter.isdecimal() for letter in name), name))
    modules = (find(family, name) for name in names)
    return tuple(module for module in modules if module.MEASURE in runs.measure)
