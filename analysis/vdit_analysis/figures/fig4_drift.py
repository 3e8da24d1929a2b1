"""Figure 4: cosine similarity of an object's features in the first frame and in the seven that follow (Section 5.2).

The paper averages 1,000 samples and does not name the feature level; strides 8, 16 and 32 are stored and 16 is shown large.
Raw cosines of two backbones do not compare (features fill the space unevenly), hence the centred ones and the margin over another object.
"""

import pandas as pd
from matplotlib.figure import Figure

from vdit.metrics import drift
from vdit_analysis import plot
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns

MEASURE = "drift"
TITLE = "Figure 4. Drift of an object's features"
SOURCE = "VD-IT (ECCV 2024), Figure 4. Box features (RoIAlign) of frame 0 against frame k of the same clip; mean over clips."
SHOWN = 16
STRIDES = (16, 8, 32)
KINDS = {
    "raw": "Raw cosine",
    "centred": "Centred: minus the arm's mean feature",
    "margin": "Margin over another object",
    "mask": "Raw cosine, mask average",
}
NO_MARGIN = "Margin: n/a, no clip shows a second object to compare with (one object per video)."
NO_CLIPS = "n/a: no clip shows its object in all frames that the measure needs."


def build(runs: StudyRuns) -> Curves:
    """Mean cosine per arm, offset, kind and stride. A kind without a value in any clip is left out and said so."""
    arms, absent = plot.drawable(runs)
    rows = [_means(trial.frame("drift"), arm, trial.seed) for arm in arms for trial in runs.of(arm)]
    per_seed = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["panel", "arm", "seed", "x", "y"])
    points = plot.over_seeds(per_seed, runs)
    seen = set(points["panel"])
    if arms and not seen:
        absent += (NO_CLIPS,)
    elif arms and not any(_panel("margin", stride) in seen for stride in STRIDES):
        absent += (NO_MARGIN,)
    return Curves(
        name="fig4_drift",
        title=TITLE,
        source=SOURCE,
        x="frame offset",
        y="cosine similarity",
        points=points,
        arms=runs.arms,
        reference=str(runs.plan.get("reference", "")),
        random_arms=plot.random_arms(runs),
        trials={arm: runs.of(arm) for arm in arms},
        complete=runs.complete,
        absent=absent,
        notes=(plot.NO_NUMBERS, _clips(runs, arms)),
        notice=runs.notice,
    )


def draw(curves: Curves) -> Figure:
    """Stride 16 large, strides 8 and 32 small below. The mask average is in the CSV only."""
    kinds = [kind for kind in ("raw", "centred", "margin") if any(_panel(kind, stride) in curves.panels for stride in STRIDES)] or ["raw"]
    figure = plot.canvas(3.4 * max(len(kinds), 2), 5.6)
    rows = figure.add_gridspec(2, 1, height_ratios=[2.1, 1])
    large, small = rows[0].subgridspec(1, len(kinds)), rows[1].subgridspec(1, 2 * len(kinds))
    for index, kind in enumerate(kinds):
        axes = figure.add_subplot(large[index])
        plot.panel(axes, curves, _panel(kind, SHOWN))
        axes.set(title=f"{KINDS[kind]}\n(stride {SHOWN})", xlabel=curves.x, ylabel=curves.y if index == 0 else "", xticks=range(1, 8))
        for place, stride in enumerate((8, 32)):
            axes = figure.add_subplot(small[2 * index + place])
            plot.panel(axes, curves, _panel(kind, stride))
            axes.set_title(f"{kind}, stride {stride}", fontsize=8)
            axes.set_xticks([1, 4, 7])
            axes.tick_params(labelsize=7)
    return plot.finish(figure, curves)


def _means(frame: pd.DataFrame, arm: str, seed: int) -> pd.DataFrame:
    """Mean over the clips that have a value; a margin exists only where another object is in view."""
    means = drift.measure(frame)
    means = means[means["kind"].isin(list(KINDS)) & means["stride"].isin(STRIDES)]
    order = means["kind"].map(list(KINDS).index) * len(STRIDES) + means["stride"].map(STRIDES.index)
    means = means.assign(panel=[_panel(kind, stride) for kind, stride in zip(means["kind"], means["stride"], strict=True)], order=order)
    means = means.sort_values(["order", "k"]).rename(columns={"k": "x", "cosine": "y"})
    return means.assign(arm=arm, seed=seed)[["panel", "arm", "seed", "x", "y"]]


def _panel(kind: str, stride: int) -> str:
    return f"{kind}, stride {stride}"


def _clips(runs: StudyRuns, arms: tuple[str, ...]) -> str:
    counts = sorted({int(trial.frame("drift")["sample"].nunique()) for arm in arms for trial in runs.of(arm)})
    span = " to ".join(str(count) for count in dict.fromkeys([*counts[:1], *counts[-1:]]))
    return f"Clips per trial: {span} (the paper: 1,000)." if span else ""
