"""What heads find, what they choose of it, and what the sentence is worth to them: the controls of Table 3, seed by seed.

The numbers and intervals are those of the table of that name (tables/controls.py), whose docstring says what they are.
"""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vdit_analysis import certainty, plot
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Column, Table
from vdit_analysis.tables import controls

MEASURE = controls.MEASURE
TITLE = "What is found, what is chosen, and what the sentence is worth"
SOURCE = controls.SOURCE
COLUMNS = (controls.JF, controls.CLOSEST, controls.MINUS_SHUFFLED)
KEY = (
    f"A dot is a seed, a bar the {certainty.LEVEL:.0%} interval of their mean; "
    "the filled is J&F, the hollow J&F of the query closest to the truth."
)


def build(runs: StudyRuns) -> Curves:
    """J&F, closest query and right minus shuffled of every seed, in percent; `low` and `high` are of the arm's mean."""
    arms, absent = plot.drawable(runs)
    table = controls.build(runs, {})
    return Curves(
        name="controls_by_seed",
        title=TITLE,
        source=SOURCE,
        x="seed",
        y="percent",
        points=pd.DataFrame([row for column in COLUMNS for row in _rows(table, column)], columns=[*plot.POINTS, "low", "high"]),
        arms=runs.arms,
        reference=runs.reference,
        random_arms=plot.random_arms(runs),
        trials={arm: runs.of(arm) for arm in arms},
        complete=runs.complete,
        absent=(*absent, *_lacking(table, arms)),
        notes=(KEY,),
        notice=runs.notice,
    )


def draw(curves: Curves) -> Figure:
    """Left what is chosen and what is found, right the worth of the sentence; an arm a line, from the top."""
    names = [arm for arm in curves.arms if arm in set(curves.points["arm"])]
    figure = plot.canvas(7.2, 1.5 + 0.4 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.6, 1))
    for place, arm in enumerate(names):
        colour = str(plot.line(curves, arm)["color"])
        _arm(left, curves.of(controls.JF.title, arm), place - 0.13, colour, colour)
        _arm(left, curves.of(controls.CLOSEST.title, arm), place + 0.13, colour, "white")
        _arm(right, curves.of(controls.MINUS_SHUFFLED.title, arm), place, colour, colour)
    for filled, label in ((plot.GREY, "chosen"), ("white", "closest query")):
        left.plot([], [], "o", color=plot.GREY, markerfacecolor=filled, label=label)
    left.set(title="J&F (percent)", yticks=range(len(names)), yticklabels=names, ylim=(max(len(names), 1) - 0.5, -0.5))
    right.set(title="Right minus shuffled (points)")
    right.axvline(0, color="#555555", linewidth=0.8, zorder=1)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
    return plot.finish(figure, curves)


def _arm(axes: Axes, points: pd.DataFrame, height: float, colour: str, filled: str) -> None:
    if points.empty:
        return
    axes.plot([points["low"].iloc[0], points["high"].iloc[0]], [height, height], color=colour, linewidth=1.4, alpha=0.6)
    axes.plot(points["y"], [height] * len(points), "o", color=colour, markerfacecolor=filled, zorder=3)


def _rows(table: Table, column: Column) -> Iterator[tuple[object, ...]]:
    """Of every arm that is measured; the columns of `points`."""
    for row in table.rows:
        cell = row.cells[table.columns.index(column)]
        if cell.state != "measured":
            continue
        ends = (cell.interval.low, cell.interval.high) if cell.interval else (float("nan"), float("nan"))
        for source in cell.sources:
            yield column.title, row.name, source.trial.seed, source.value, float("nan"), 1, source.trial.run_id, *ends


def _lacking(table: Table, arms: tuple[str, ...]) -> Iterator[str]:
    """Of arms that are drawn, what is not: the table says why."""
    for column in COLUMNS:
        cells = {row.name: row.cells[table.columns.index(column)] for row in table.rows}
        if names := [arm for arm in arms if cells[arm].state != "measured"]:
            yield f"{column.title[0].upper()}{column.title[1:]}: not there of {', '.join(names)} (see the controls)."
