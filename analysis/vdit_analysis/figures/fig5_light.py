"""Figure 5: IoU under brightness changes, and how much of it each arm loses (Section 5.2).

The paper does not define its light noise. Here (metrics/light.py): at level b every second frame on average has its colours multiplied
by a factor drawn from 1 - b to 1 + b, the same draws for every arm.
"""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from vdit.metrics import light
from vdit_analysis import plot
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns
from vdit_analysis.trial import TrialRun

MEASURE = "light"
TITLE = "Figure 5. Robustness against light noise"
SOURCE = "VD-IT (ECCV 2024), Figure 5. J under random changes of brightness, and the loss against undisturbed frames."
PANELS = {"J": "J under light noise (percent)", "loss": "Loss J(0) - J(b) (percent points)"}
NO_FRAMES = "n/a: no frame was scored under light noise."


def build(runs: StudyRuns) -> Curves:
    """J(b) and J(0) - J(b) per arm and brightness level b, in percent; level 0 is the undisturbed scores."""
    arms, absent = plot.drawable(runs)
    rows = [row for arm in arms for trial in runs.of(arm) for row in _rows(trial)]
    per_seed = pd.DataFrame(rows, columns=["panel", "arm", "seed", "x", "y"])
    points = plot.over_seeds(per_seed.sort_values("panel", kind="stable"), runs)
    return Curves(
        name="fig5_light",
        title=TITLE,
        source=SOURCE,
        x="brightness level",
        y="percent",
        points=points,
        arms=runs.arms,
        reference=str(runs.plan.get("reference", "")),
        random_arms=plot.random_arms(runs),
        trials={arm: runs.of(arm) for arm in arms},
        complete=runs.complete,
        absent=absent + ((NO_FRAMES,) if arms and points.empty else ()),
        notes=(plot.NO_NUMBERS,),
        notice=runs.notice,
    )


def draw(curves: Curves) -> Figure:
    figure = plot.canvas(7.2, 3.6)
    for index, (name, title) in enumerate(PANELS.items()):
        axes = figure.add_subplot(1, len(PANELS), index + 1)
        plot.panel(axes, curves, name)
        axes.set(title=title, xlabel=f"{curves.x} b")
    return plot.finish(figure, curves)


def _rows(trial: TrialRun) -> Iterator[tuple[str, str, int, float, float]]:
    table = light.measure(trial.frame("scores"), trial.frame("light"))
    for level, region, loss in zip(table["level"], table["j"], table["loss"], strict=True):
        yield "J", trial.arm, trial.seed, float(level), float(region)
        yield "loss", trial.arm, trial.seed, float(level), float(loss)
