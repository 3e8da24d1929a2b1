"""One self-contained HTML page of a study: what was run, each table and figure beside the paper, the paper's claims, every cell's runs."""

import base64
import math
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from vdit.pretrain.gate import table as gate_table
from vdit_analysis import certainty, gate, render, trace
from vdit_analysis.claims import Finding
from vdit_analysis.outputs import Figure, Outputs, write_atomically
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns
from vdit_analysis.trial import TrialRun

TEMPLATE = "report.html.jinja"
DIGESTS = {"vdit.data": "Data", "vdit.code": "Code", "vdit.weights": "Frozen weights", "mlflow.source.git.commit": "Commit"}


def write(runs: StudyRuns, outputs: Outputs, folder: Path) -> Path:
    """Writes report.html into a study's folder and returns its path."""
    return write_atomically(folder / "report.html", page(runs, outputs).encode())


def page(runs: StudyRuns, outputs: Outputs) -> str:
    """The page as text. It loads nothing: styles and pictures are inside, and there is no script."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("vdit_analysis").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
        runs=runs,
        plan=runs.plan,
        outputs=outputs,
        facts=dict(_facts(runs)),
        arms=[_arm(runs, arm) for arm in runs.arms],
        axes=_axes(runs),
        gates=gate.found(runs),
        gate_table=gate_table,
        claims=outputs.claims,
        chains=[
            trace.chain(runs, table, row, column, cell)
            for table in outputs.tables
            for row in table.rows
            for column, cell in zip(table.columns, row.cells, strict=True)
            if cell.planned
        ],
        software=_software(runs),
        picture=_picture,
        numbers=_numbers,
        ours=render.ours,
        papers=render.papers,
        letter=render.letter,
        interval=render.interval,
        difference=render.difference,
        not_compared=render.not_compared,
        heading_of_differences=render.heading_of_differences,
        certainty=certainty.notes,
        tick=render.tick,
        units=render.units,
        number=render.number,
        signed=render.signed,
        ends=_ends,
        level=_level,
        anchor=_anchor,
    )


def _facts(runs: StudyRuns) -> Iterator[tuple[str, str]]:
    """What a reader must know before the numbers, in one line each."""
    plan = runs.plan
    seeds = list(dict.fromkeys(entry.seed for entry in runs.planned))
    yield "Trials finished", f"{len(runs.trials)} of {len(runs.planned)}"
    yield "Preset", str(plan.get("preset", ""))
    yield "Reference arm", str(plan.get("reference", ""))
    yield "Seeds", ", ".join(str(seed) for seed in seeds)
    yield "Measured", ", ".join(runs.measure)
    for tag, name in DIGESTS.items():
        digests = dict.fromkeys(trial.tags.get(tag, "")[:12] for trial in runs.trials.values())
        yield name, ", ".join(digest or "unknown" for digest in digests)


def _arm(runs: StudyRuns, arm: str) -> dict[str, Any]:
    planned = runs.planned_of(arm)
    return {"name": arm, "levels": runs.levels(arm), "done": len(runs.of(arm)), "planned": len(planned), "refusals": runs.refusals(arm)}


def _level(level: object) -> str:
    return "+".join(str(part) for part in level) if isinstance(level, list | tuple) else str(level)


def _axes(runs: StudyRuns) -> tuple[str, ...]:
    return tuple(dict.fromkeys(axis for entry in runs.planned for axis in entry.levels))


def _picture(figure: Figure) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg).decode()


def _numbers(curves: Curves) -> list[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """The plotted numbers: per panel the offsets or levels, and per arm its values."""
    result = []
    for panel in curves.panels:
        here = curves.points[curves.points["panel"] == panel]
        columns = sorted(set(here["x"]))
        rows = [(arm, [_value(curves.of(panel, arm), x) for x in columns]) for arm in curves.arms if not curves.of(panel, arm).empty]
        result.append((panel, [f"{x:g}" for x in columns], rows))
    return result


def _value(points: pd.DataFrame, x: float) -> str:
    found = points.loc[points["x"] == x]
    if found.empty:
        return ""
    value, spread = float(found["y"].iloc[0]), float(found["spread"].iloc[0])
    return f"{value:.4g}" if math.isnan(spread) else f"{value:.4g} ± {spread:.2g}"


def _software(runs: StudyRuns) -> list[tuple[str, list[str]]]:
    """Every entry of the trials' environments; several values where trials differ."""
    found: dict[str, dict[str, None]] = {}
    for trial in runs.trials.values():
        for name, value in _flat(trial.document("environment")):
            found.setdefault(name, {})[value] = None
    return [(name, list(values)) for name, values in found.items()]


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _anchor(reference: str | TrialRun) -> str:
    """An id for links within the page."""
    text = f"trial:{reference.key}" if isinstance(reference, TrialRun) else reference
    return "".join(character if character.isalnum() else "-" for character in text)


def _ends(found: Finding) -> str:
    """ " [+0.2, +2.4]"; nothing where there is no interval."""
    if found.interval is None or math.isnan(found.interval.low):
        return ""
    return f" [{render.signed(found.interval.low, found.decimals)}, {render.signed(found.interval.high, found.decimals)}]"
