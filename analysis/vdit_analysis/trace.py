"""From a number back to the runs behind it: "table3:VD-IT:JF" -> cell -> trials -> MLflow runs -> files."""

from dataclasses import dataclass

from vdit.registry import nearest
from vdit_analysis import render
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Cell, Column, Row, Source, Table

FILES = ("config.json", "result.json")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One trial behind a cell. `ran_in` is the study whose run is the parent: another one where the trial is shared.

    `accepted_for` is the study's code where `code` is older and its result was accepted, else "".
    """

    seed: int
    value: float
    key: str
    run_id: str
    commit: str
    code: str
    accepted_for: str
    data: str
    weights: str
    ran_in: str
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chain:
    """`printed` is what the table shows; `missing` are seeds that are planned and not there."""

    reference: str
    title: str
    source: str
    printed: str
    interval: str
    over: str
    reference_arm: str
    difference: str
    published: float | None
    steps: tuple[Step, ...]
    missing: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"{self.reference}  {self.printed or 'not in this study'}", f"  {self.title}. {self.source}"]
        lines += [f"  95 % interval over {self.over}: {self.interval}"] if self.interval else []
        lines += [f"  minus {self.reference_arm}: {self.difference}"] if self.difference else []
        lines += [f"  paper, full size: {self.published:g}"] if self.published is not None else []
        for step in self.steps:
            lines += [f"  seed {step.seed}: {step.value:.6g}  run {step.run_id}  (study {step.ran_in}, commit {step.commit})"]
            lines += [f"    key {step.key}", f"    code {step.code[:16]}  data {step.data[:16]}  weights {step.weights[:16]}"]
            lines += [f"    accepted for code {step.accepted_for[:16]} (vdit run --accept)"] if step.accepted_for else []
            lines += [f"    {file}" for file in step.files]
        lines += [f"  seed {seed}: not finished" for seed in self.missing]
        return "\n".join(lines)


def trace(runs: StudyRuns, tables: tuple[Table, ...], reference: str) -> Chain:
    """The chain behind a cell, named TABLE:ARM:COLUMN. Raises ValueError naming the nearest table, arm or column."""
    parts = reference.split(":")
    if len(parts) < 3:
        raise ValueError(f"{reference!r} names no cell; give TABLE:ARM:COLUMN, for instance table3:VD-IT:JF")
    name, arm, key = parts[0], ":".join(parts[1:-1]), parts[-1]
    table = next((table for table in tables if table.name == name), None)
    if table is None:
        raise ValueError(f"study {runs.study!r} makes no table {name!r}; {nearest(name, (table.name for table in tables))}")
    row = table.row(arm)
    if row is None:
        raise ValueError(f"{name} has no row {arm!r}; {nearest(arm, (row.name for row in table.rows))}")
    index = next((place for place, column in enumerate(table.columns) if column.key == key), None)
    if index is None:
        raise ValueError(f"{name} has no column {key!r}; {nearest(key, (column.key for column in table.columns))}")
    return chain(runs, table, row, table.columns[index], row.cells[index])


def chain(runs: StudyRuns, table: Table, row: Row, column: Column, cell: Cell) -> Chain:
    return Chain(
        reference=f"{table.name}:{row.name}:{column.key}",
        title=table.heading,
        source=table.source,
        printed=render.ours(cell, column),
        interval=render.interval(cell, column),
        over=f"{cell.interval.videos} videos, {cell.interval.seeds} seeds" if cell.interval else "",
        reference_arm=table.reference,
        difference=render.difference(cell, column),
        published=cell.published,
        steps=tuple(_step(source) for source in cell.sources),
        missing=_missing(runs, row.name, cell),
    )


def _missing(runs: StudyRuns, name: str, cell: Cell) -> tuple[int, ...]:
    """Seeds that are planned for a cell and not there; of a method, which has those that were logged, the first."""
    done = {source.trial.seed for source in cell.sources}
    planned = {0} if name in runs.methods else {entry.seed for entry in runs.planned_of(name)}
    return tuple(sorted(planned - done)) if len(done) < cell.planned else ()


def _step(source: Source) -> Step:
    trial = source.trial
    files = [*((trial, file) for file in (*FILES, source.file)), *source.beside, (trial, "environment.json")]
    return Step(
        seed=trial.seed,
        value=source.value,
        key=trial.key,
        run_id=trial.run_id,
        commit=trial.commit,
        code=trial.tags.get("vdit.code", ""),
        accepted_for=trial.accepted_for,
        data=trial.tags.get("vdit.data", ""),
        weights=trial.tags.get("vdit.weights", ""),
        ran_in=trial.tags.get("vdit.study", ""),
        files=tuple(f"{run.artifact_uri}/{file}" for run, file in files),
    )
