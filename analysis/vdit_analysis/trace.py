"""From a number back to the runs behind it: "table3:VD-IT:JF" -> cell -> trials -> MLflow runs -> files."""

from dataclasses import dataclass

from vdit.registry import nearest
from vdit_analysis import render
from vdit_analysis.runs import StudyRuns, TrialRun
from vdit_analysis.table import Cell, Column, Row, Table

FILES = ("config.json", "result.json", "scores.parquet", "environment.json")


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
    published: float | None
    steps: tuple[Step, ...]
    missing: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"{self.reference}  {self.printed or 'not in this study'}", f"  {self.title}. {self.source}"]
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
    done = {source.trial.seed for source in cell.sources}
    return Chain(
        reference=f"{table.name}:{row.name}:{column.key}",
        title=table.heading,
        source=table.source,
        printed=render.ours(cell, column),
        published=cell.published,
        steps=tuple(_step(source.trial, source.value) for source in cell.sources),
        missing=tuple(entry.seed for entry in runs.planned_of(row.name) if entry.seed not in done),
    )


def _step(trial: TrialRun, value: float) -> Step:
    return Step(
        seed=trial.seed,
        value=value,
        key=trial.key,
        run_id=trial.run_id,
        commit=trial.commit,
        code=trial.tags.get("vdit.code", ""),
        accepted_for=trial.accepted_for,
        data=trial.tags.get("vdit.data", ""),
        weights=trial.tags.get("vdit.weights", ""),
        ran_in=trial.tags.get("vdit.study", ""),
        files=tuple(f"{trial.artifact_uri}/{file}" for file in FILES),
    )
