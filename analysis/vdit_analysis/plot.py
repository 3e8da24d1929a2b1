"""Curves per arm, and how they are drawn: one style for every figure of the paper, the notice printed on each."""

import io
import textwrap
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vdit_analysis.runs import StudyRuns
from vdit_analysis.trial import TrialRun

# Okabe and Ito's colours: told apart by colour-blind readers too. Markers repeat the difference in black and white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D1F", "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
DASHES = ("-", "--", "-.", ":")
# Arms on random weights: all grey, broken in ways of their own.
GREY = "#888888"
GREY_MARKERS = ("x", "+", "1", "2")
GREY_DASHES = ((0, (3, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (8, 3)))
POINTS = ("panel", "arm", "x", "y", "spread", "seeds", "runs")
NO_NUMBERS = "The paper shows this figure as a plot only and prints no numbers, so there are none to set beside these."


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What a figure shows. `points` has the columns of POINTS: y is the mean over seeds, spread their sample standard deviation.

    The spread of one seed is NaN. `x` and `y` name the axes. `absent` says of every arm or panel that is not drawn why.
    """

    name: str
    title: str
    source: str
    x: str
    y: str
    points: pd.DataFrame
    arms: tuple[str, ...]
    reference: str
    random_arms: tuple[str, ...]
    trials: Mapping[str, tuple[TrialRun, ...]]
    complete: bool
    absent: tuple[str, ...]
    notes: tuple[str, ...]
    notice: str

    @property
    def panels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.points["panel"]))

    @property
    def alternative(self) -> str:
        """The picture for who cannot see it."""
        return f"{self.title}: {self.y} by {self.x} of every arm; the numbers are in the table below."

    def of(self, panel: str, arm: str) -> pd.DataFrame:
        return self.points[(self.points["panel"] == panel) & (self.points["arm"] == arm)].sort_values("x")

    def as_csv(self) -> str:
        """The plotted numbers in full precision; every line carries the notice."""
        table = self.points.rename(columns={"x": self.x, "y": self.y}).assign(notice=self.notice)
        return str(table.to_csv(index=False, lineterminator="\n"))


def over_seeds(per_seed: pd.DataFrame, runs: StudyRuns) -> pd.DataFrame:
    """Rows (panel, arm, seed, x, y) to `points`. An arm's point is NaN where one of its seeds has none; such points are dropped."""
    if per_seed.empty:
        return pd.DataFrame(columns=list(POINTS))
    grouped = per_seed.groupby(["panel", "arm", "x"], sort=False)["y"]
    points = grouped.agg(y=lambda values: values.mean(skipna=False), spread="std", seeds="size").reset_index()
    ids = {arm: " ".join(trial.run_id for trial in runs.of(arm)) for arm in runs.arms}
    return points.assign(runs=points["arm"].map(ids))[list(POINTS)].dropna(subset=["y"]).reset_index(drop=True)


def drawable(runs: StudyRuns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Arms all of whose planned seeds are there, and for the others a sentence with done/planned."""
    counts = {arm: (len(runs.of(arm)), len(runs.planned_of(arm))) for arm in runs.arms}
    sentences = (
        f"{arm}: {done}/{planned} seeds finished, not drawn. {' '.join(runs.refusals(arm))}".strip()
        for arm, (done, planned) in counts.items()
        if done < planned
    )
    return tuple(arm for arm, (done, planned) in counts.items() if done == planned), tuple(sentences)


def random_arms(runs: StudyRuns) -> tuple[str, ...]:
    return tuple(arm for arm in runs.arms if runs.is_control(arm))


def look() -> AbstractContextManager[None]:
    """The style in which figures are drawn and saved; SVG ids are fixed, so that the same numbers give the same file."""
    settings: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#555555",
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.7,
        "lines.markersize": 4,
        "svg.hashsalt": "vdit",
    }
    return matplotlib.rc_context(settings)


def canvas(width: float, height: float) -> Figure:
    """An empty figure (inches), independent of pyplot's global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panel(axes: Axes, curves: Curves, name: str) -> None:
    """One line per arm; bars show ± one sample standard deviation over seeds where there are several."""
    for arm in curves.arms:
        points = curves.of(name, arm)
        if points.empty:
            continue
        x, y, spread = (points[column].to_numpy(dtype=float) for column in ("x", "y", "spread"))
        axes.plot(x, y, label=arm, **line(curves, arm))
        if np.isfinite(spread).any():
            axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=line(curves, arm)["color"], elinewidth=0.8, capsize=2)


def finish(figure: Figure, curves: Curves) -> Figure:
    """One legend for all panels, and the notice in print. The title is the caption's business."""
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        handles |= {str(label): handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if handles:
        names, columns = list(handles), min(len(handles), 3)
        figure.legend(list(handles.values()), names, loc="outside upper center", ncols=columns, frameon=False, fontsize=8.5)
    if curves.notice:
        lines = textwrap.wrap(curves.notice, int(figure.get_figwidth() * 17))
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7.5, color="#a33b00")
    # Laid out once; every further save would do it again.
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    figure.set_layout_engine("none")
    return figure


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def line(curves: Curves, arm: str) -> dict[str, Any]:
    """How an arm is drawn in every figure."""
    index = curves.arms.index(arm)
    if arm in curves.random_arms:
        place = curves.random_arms.index(arm)
        marker, dashes = GREY_MARKERS[place % len(GREY_MARKERS)], GREY_DASHES[place % len(GREY_DASHES)]
        return {"color": GREY, "marker": marker, "linestyle": dashes, "linewidth": 1.2}
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index // len(COLOURS) % len(DASHES)],
        "linewidth": 2.2 if arm == curves.reference else 1.4,
    }
