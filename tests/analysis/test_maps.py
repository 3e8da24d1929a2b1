"""Figures 1 and 3 of maps made by hand: what they count, what they paint, and what they say is not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vdit.metrics.clusters import PALETTE
from vdit.record import maps
from vdit.video import Sample
from vdit_analysis import report
from vdit_analysis.figures import _maps
from vdit_analysis.outputs import Outputs, build
from vdit_analysis.runs import StudyRuns

HEIGHT, WIDTH = 20, 40


class Files:
    """Stands for the record: each run's clusters.parquet, and what the report asks of a run."""

    def __init__(self, tables: dict[str, pd.DataFrame]) -> None:
        self.tables = tables

    def parquet(self, run_id: str, name: str, owner: str) -> pd.DataFrame:
        assert name == "clusters.parquet"
        return self.tables[run_id]

    def document(self, *_: str) -> dict[str, Any]:
        return {"python": "3", "trial": {"launch": {"weights": None}}}

    def names(self, run_id: str) -> frozenset[str]:
        return frozenset()


def table(changed: int, strides: tuple[int, ...] = (8, 16, 32)) -> pd.DataFrame:
    """Two frames of two videos: a cell is in cluster 0, but so many of the second frame in cluster 5; in the second video none."""
    parts = []
    for video, cells in (("v", changed), ("w", 0)):
        for stride in strides:
            labels = np.zeros((2, -(-HEIGHT // stride), -(-WIDTH // stride)), np.int64)
            labels[1].flat[:cells] = 5
            frames = np.full((2, HEIGHT, WIDTH, 3), 90, np.uint8)
            empty = np.zeros((2, HEIGHT, WIDTH), bool), np.zeros((2, 4), np.float32), np.zeros(2, bool)
            parts.append(maps.rows(Sample(video, "0", "a red box", frames, *empty, 0), ["00000", "00005"], stride, labels))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def mapped(load: Callable[[str], StudyRuns]) -> StudyRuns:
    """The study `full`, whose arm VD-I has no map of stride 32 and more cells that change in its second seed."""
    runs = load("full")
    tables = {trial.run_id: table(3 * seed if arm == "VD-I" else 2) for (arm, seed), trial in runs.trials.items()}
    for seed in (0, 1):
        first = runs.trials["VD-I", seed].run_id
        tables[first] = tables[first][tables[first]["stride"] != 32]
    trials = {place: replace(trial, record=Files(tables)) for place, trial in runs.trials.items()}
    return replace(runs, plan={**runs.plan, "measure": ["clusters"]}, trials=trials)


@pytest.fixture
def made(mapped: StudyRuns, published: Path) -> Outputs:
    return build(mapped, published)


def test_the_share_of_cells_that_stay_is_counted(made: Outputs) -> None:
    first, third = (figure.curves for figure in made.figures)
    assert (first.name, third.name) == ("fig1_clusters", "fig3_prompts")
    assert first.panels == ("stride 16",) and third.panels == ("stride 8", "stride 16", "stride 32")
    # Of 6 cells of stride 16 none changes in seed 0 and 3 in seed 1, in one of two videos.
    assert first.of("stride 16", "VD-I")[["x", "y"]].values.tolist() == [[2, pytest.approx((100 + 75) / 2)]]
    assert third.of("stride 8", "VD-IT")["y"].tolist() == [pytest.approx(100 - 100 * 2 / 15 / 2)]


def test_a_map_that_is_not_there_is_said(made: Outputs) -> None:
    first, third = (figure.curves for figure in made.figures)
    assert not first.absent and third.absent == ("VD-I: no map of stride 32; the log of its trial says why.",)
    assert third.of("stride 32", "VD-I").empty and first.complete


def test_each_pixel_has_the_colour_of_its_cell() -> None:
    row = table(3).query("stride == 16 and video == 'v'").iloc[1]
    painted = _maps.painted(row)
    assert painted.shape == (HEIGHT, WIDTH, 3)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            cell = y // 16 * 3 + x // 16
            assert painted[y, x].tolist() == PALETTE[5 if cell < 3 else 0].tolist()


def test_pictures_are_drawn_the_same_each_time_and_are_in_the_report(made: Outputs, mapped: StudyRuns, published: Path) -> None:
    again = build(mapped, published)
    for figure, repeated in zip(made.figures, again.figures, strict=True):
        assert figure.png.startswith(b"\x89PNG") and (figure.png, figure.svg) == (repeated.png, repeated.svg)
    page = report.page(mapped, made)
    assert page.count("which parts of some frames each arm&#39;s features hold together") == 2
    assert "cells in the cluster they had in the first frame" in made.figures[0].curves.as_csv()


def test_a_study_without_a_map_has_an_empty_figure(mapped: StudyRuns, published: Path) -> None:
    nothing = Files({trial.run_id: table(0).iloc[:0] for trial in mapped.trials.values()})
    bare = replace(mapped, trials={place: replace(trial, record=nothing) for place, trial in mapped.trials.items()})
    (first, _) = build(bare, published).figures
    assert first.curves.points.empty and len(first.curves.absent) == len(bare.arms) and first.png.startswith(b"\x89PNG")
