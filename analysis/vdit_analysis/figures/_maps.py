"""What Figures 1 and 3 share: K-means maps of the arms' features, painted side by side, and how many cells keep their cluster.

Maps are those that each arm's first seed has stored. Clusters are found for each arm by itself: a colour means the same in all frames of
a row, not in two rows.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vdit.metrics import clusters
from vdit.record import maps
from vdit_analysis import plot
from vdit_analysis.plot import Curves
from vdit_analysis.runs import StudyRuns

MEASURE = "clusters"
X, Y = "shown frame", "cells in the cluster they had in the first frame (%)"
COLOURS = "Colours compare the frames of a row, not two rows: each arm's clusters are found by themselves (K-means, 6 clusters)."
LABEL = 15  # letters in a line of an arm's name
WIDTH = 1.7  # inches of a picture


@dataclass(frozen=True, kw_only=True)
class Maps(Curves):
    """`rows` are those of clusters.parquet of each arm's first seed. The points say how steady the clusters are, as the maps show it."""

    rows: Mapping[str, pd.DataFrame]

    @property
    def videos(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(video for rows in self.rows.values() for video in rows["video"]))

    @property
    def alternative(self) -> str:
        return (
            f"{self.title}: pictures of which parts of some frames each arm's features hold together; how steady they are is in the table."
        )

    def frames(self, arm: str, video: str, stride: int) -> list[pd.Series]:
        """The frames of one map, in order; none where the level could not be clustered."""
        rows = self.rows[arm]
        return [row for _, row in rows[(rows["video"] == video) & (rows["stride"] == stride)].iterrows()]

    def any(self, video: str) -> list[pd.Series]:
        """The frames of a video, as some arm has them."""
        found = ((arm, int(stride)) for arm, rows in self.rows.items() for stride in rows.loc[rows["video"] == video, "stride"])
        return self.frames(*next(((arm, video, stride) for arm, stride in found)))


def build(runs: StudyRuns, strides: Sequence[int], said: Mapping[str, str]) -> Maps:
    """Maps of the arms whose seeds are all there; `said` is the figure's name, title and source."""
    arms, absent = plot.drawable(runs)
    every = [(panel(stride), arm, trial.seed, *point) for arm in arms for trial in runs.of(arm) for stride in strides
             for point in steadiness(trial.frame(MEASURE), stride)]  # fmt: skip
    rows = {arm: runs.of(arm)[0].frame(MEASURE) for arm in arms}
    absent += tuple(
        f"{arm}: no map of stride {stride}; the log of its trial says why."
        for arm, table in rows.items()
        for stride in strides
        if stride not in set(table["stride"])
    )
    return Maps(
        **said,
        x=X,
        y=Y,
        points=plot.over_seeds(pd.DataFrame(every, columns=["panel", "arm", "seed", "x", "y"]), runs),
        arms=runs.arms,
        reference=str(runs.plan.get("reference", "")),
        random_arms=plot.random_arms(runs),
        trials={arm: runs.of(arm) for arm in arms},
        complete=runs.complete,
        absent=absent,
        notes=(plot.NO_NUMBERS, COLOURS),
        notice=runs.notice,
        rows=rows,
    )


def panel(stride: int) -> str:
    return f"stride {stride}"


def steadiness(rows: pd.DataFrame, stride: int) -> Iterator[tuple[int, float]]:
    """Number of the shown frame, from 2 on, and the share of its cells that are in the cluster of the first one, mean over videos."""
    shares: dict[int, list[float]] = {}
    for _, frames in rows[rows["stride"] == stride].groupby("video"):
        first, *later = [maps.cells(row) for _, row in frames.iterrows()]
        for number, labels_hw in enumerate(later, 2):
            shares.setdefault(number, []).append(100 * float(np.mean(labels_hw == first)))
    yield from ((number, float(np.mean(found))) for number, found in sorted(shares.items()))


def painted(row: pd.Series) -> NDArray[np.uint8]:
    """[H, W, 3]: each pixel has the colour of its cell's cluster."""
    labels_THW = clusters.enlarge(maps.cells(row)[None], int(row["height"]), int(row["width"]), int(row["stride"]))
    return clusters.colours(labels_THW[0])


class Line(NamedTuple):
    """A row of pictures, with its name on the left and titles above the pictures; None leaves a place empty."""

    label: str
    images: Sequence[NDArray[np.uint8] | None]
    titles: Sequence[str] = ()


def sheet(lines: Sequence[Line], curves: Curves) -> Figure:
    """Lines below each other, as high as their pictures are."""
    columns = max((len(line.images) for line in lines), default=1)
    heights = [max((WIDTH * image.shape[0] / image.shape[1] for image in line.images if image is not None), default=0.5) for line in lines]
    titled = sum(bool(line.titles) for line in lines)
    figure = plot.canvas(1.2 + WIDTH * columns, 0.6 + 0.25 * titled + sum(heights or [0.5]))
    grid = figure.subplots(max(len(lines), 1), columns, squeeze=False, height_ratios=heights or [1])
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for line, row in zip(lines, grid, strict=False):
        label: dict[str, Any] = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 8}
        row[0].set_ylabel("\n".join(textwrap.wrap(line.label, LABEL)), **label)
        for axes, image in zip(row, line.images, strict=False):
            if image is not None:
                axes.imshow(image, interpolation="nearest")
        for axes, title in zip(row, line.titles, strict=False):
            axes.set_title(title, fontsize=8, loc="left")
    return plot.finish(figure, curves)
