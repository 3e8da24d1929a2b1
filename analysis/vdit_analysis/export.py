"""Tables for programs: CSV and JSON in full precision, with intervals, differences and the runs behind every number."""

import csv
import io
import math
from typing import Any

from vdit_analysis import certainty
from vdit_analysis.table import Cell, Column, Source, Table

QUANTITIES = ("", "_low", "_high", "_spread", "_paper", "_difference", "_difference_low", "_difference_high", "_p", "_effect")


def as_csv(table: Table) -> str:
    """One line per row. A missing value is empty and its reason is in `note`; every line carries the notice."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{column.key}{suffix}" for column in table.columns for suffix in (*QUANTITIES, *["_met"] * column.difference)]
    writer.writerow(["method", *table.marks, *names, "seeds_done", "seeds_planned", "runs", "note", "notice"])
    for row in table.rows:
        quantities = [value for cell, column in zip(row.cells, table.columns, strict=True) for value in _quantities(cell, column)]
        values = ["" if value is None else repr(value) for value in quantities]
        cell = row.widest
        reasons = dict.fromkeys(reason for reason in (row.note, *(cell.why for cell in row.cells)) if reason)
        runs = " ".join(source.trial.run_id for source in cell.sources)
        marks = ["" if mark is None else int(mark) for mark in row.marks]
        writer.writerow([row.name, *marks, *values, len(cell.sources), cell.planned, runs, "; ".join(reasons), table.notice])
    return text.getvalue()


def as_json(table: Table) -> dict[str, Any]:
    """What does not exist is null."""
    return {
        "name": table.name,
        "heading": table.heading,
        "source": table.source,
        "notice": table.notice,
        "reference": table.reference,
        "complete": table.complete,
        "level": certainty.LEVEL,
        "rows": [
            {
                "method": row.name,
                "note": row.note,
                "cells": {column.key: _cell(cell, column) for column, cell in zip(table.columns, row.cells, strict=True)},
            }
            for row in table.rows
        ],
        "notes": [*certainty.notes(table), *table.notes],
    }


def _cell(cell: Cell, column: Column) -> dict[str, Any]:
    mean, low, high, spread, paper, *compared = _values(cell)
    found: dict[str, Any] = {"state": cell.state, "mean": mean, "low": low, "high": high, "spread": spread, "paper": paper}
    found |= {"videos": cell.interval.videos if cell.interval else None, "seeds_planned": cell.planned, "why": cell.why}
    found["seeds"] = [{"seed": one.trial.seed, "value": _known(one.value), "run": one.trial.run_id} | _beside(one) for one in cell.sources]
    if column.difference:
        found["met"] = cell.met
    if cell.comparison is None:
        return found | {"difference": None}
    estimate, below, above, p, effect = compared
    interval = cell.comparison.interval
    return found | {
        "difference": {
            "estimate": estimate,
            "low": below,
            "high": above,
            "p": p,
            "effect": effect,
            "videos": interval.videos,
            "seeds": interval.seeds,
            "why": cell.comparison.why,
        }
    }


def _values(cell: Cell) -> list[float | None]:
    """In the order of QUANTITIES."""
    interval, compared = cell.interval, cell.comparison
    own = [cell.mean, interval.low if interval else None, interval.high if interval else None, cell.spread, cell.published]
    between = compared.interval if compared else None
    differences = [between.estimate, between.low, between.high] if between else [None, None, None]
    return [_known(value) for value in (*own, *differences, *((compared.p, compared.effect) if compared else (None, None)))]


def _quantities(cell: Cell, column: Column) -> list[float | None]:
    """Those of a line; of a difference also whether it is met, 1 or 0."""
    met = None if cell.met is None else int(cell.met)
    return [*_values(cell), *([met] if column.difference else [])]


def _beside(source: Source) -> dict[str, list[str]]:
    """The other runs behind a difference."""
    others = dict.fromkeys(trial.run_id for trial, _ in source.beside if trial.run_id != source.trial.run_id)
    return {"minus": list(others)} if others else {}


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
