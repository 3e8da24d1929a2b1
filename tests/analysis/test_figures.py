"""Curves from hand-made drift and light files; values worked out by hand from conftest."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from vdit_analysis import plot
from vdit_analysis.outputs import Figure, Outputs, build
from vdit_analysis.runs import StudyRuns

Make = Callable[[str], Outputs]


def figure(made: Outputs, name: str) -> Figure:
    return next(figure for figure in made.figures if figure.curves.name == name)


def test_drift_is_the_mean_over_clips_and_seeds(outputs: Make) -> None:
    points = figure(outputs("full"), "fig4_drift").curves.of("raw, stride 16", "VD-I")
    assert points["x"].tolist() == list(range(1, 8))
    # The slope is .010 for seed 0 and .011 for seed 1, the clips' +-.005 cancels.
    assert points["y"].tolist() == pytest.approx([1 - 0.0105 * k for k in range(1, 8)])
    assert points["spread"].iloc[-1] == pytest.approx(7 * 0.001 / 2**0.5)


def test_a_margin_that_no_clip_has_is_left_out_and_said(outputs: Make) -> None:
    curves = figure(outputs("full"), "fig4_drift").curves
    assert not [panel for panel in curves.panels if panel.startswith("margin")]
    assert any("one object per video" in why for why in curves.absent)
    assert curves.complete


def test_light_gives_j_and_what_is_lost_of_it(outputs: Make) -> None:
    curves = figure(outputs("full"), "fig5_light").curves
    assert curves.of("J", "VD-I")["x"].tolist() == [0, 0.2, 0.4]
    assert curves.of("J", "VD-I")["y"].tolist() == pytest.approx([125 / 3 + 1, 125 / 3 - 1, 125 / 3 - 3])
    assert curves.of("loss", "VD-I")["y"].tolist() == pytest.approx([0, 2, 4])


def test_incomplete_arms_are_not_drawn_and_named(outputs: Make) -> None:
    curves = figure(outputs("half"), "fig4_drift").curves
    assert curves.points.empty and not curves.complete
    assert curves.absent[0].startswith("VD-I: 2/3 seeds finished")


def test_csv_holds_the_plotted_numbers_and_the_notice(outputs: Make) -> None:
    curves = figure(outputs("full"), "fig5_light").curves
    frame = pd.read_csv(io.StringIO(curves.as_csv()))
    assert frame["percent"].tolist() == curves.points["y"].tolist()
    assert frame["notice"].str.contains("not a reproduction").all()


def test_the_papers_figures_say_that_it_prints_no_numbers(outputs: Make) -> None:
    papers = [made.curves for made in outputs("full").figures if made.curves.name.startswith("fig")]
    assert papers and all(any("prints no numbers" in note for note in curves.notes) for curves in papers)


def test_every_arm_has_a_line_of_its_own_also_on_random_weights(outputs: Make) -> None:
    curves = replace(figure(outputs("full"), "fig4_drift").curves, random_arms=("VD-I", "VD-T"))
    axes = plot.canvas(4, 3).subplots()
    plot.panel(axes, curves, "raw, stride 16")
    looks = {
        line.get_label(): (str(line.get_marker()), line.get_color(), line.is_dashed())
        for line in axes.get_lines()
        if line.get_label() in curves.arms
    }
    assert set(looks) == set(curves.arms) and len(set(looks.values())) == len(looks)
    assert looks["VD-I"][1:] == looks["VD-T"][1:] == (plot.GREY, True)


def test_pictures_are_pictures_and_the_same_each_time(outputs: Make, load: Callable[[str], StudyRuns], published: Path) -> None:
    again = build(load("shared"), published)
    for made, repeated in zip(outputs("shared").figures, again.figures, strict=True):
        assert made.png.startswith(b"\x89PNG")
        assert (made.png, made.svg) == (repeated.png, repeated.svg)
