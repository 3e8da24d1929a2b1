"""Controls from hand-made scores. Oracle: J&F and its differences worked out by hand, and intervals from Student's t on two videos."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import norm, t

from vdit_analysis import export, render, terminal, trace
from vdit_analysis.figures import controls_by_seed
from vdit_analysis.outputs import Outputs
from vdit_analysis.record import Tracked
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Cell, Table
from vdit_analysis.tables import controls
from vdit_analysis.trial import Planned, TrialRun

# J of both frames of an expression, which is its F too, by video and expression.
Values = Mapping[tuple[str, str], float]
# Two videos of two objects, and one of one.
PLACES = (("a", "0"), ("a", "1"), ("b", "0"), ("b", "1"), ("c", "0"))
RIGHT = dict(zip(PLACES, (0.8, 0.6, 0.6, 0.4, 0.3), strict=True))
TWO = {place: value for place, value in RIGHT.items() if place[0] != "c"}
LEVELS: Mapping[str, Mapping[str, object]] = {
    "VD-T": {"prompt": "text", "noise": "gaussian"},
    "VD-IT": {"prompt": "image+text", "noise": "predicted"},
    "random": {"prompt": "image+text", "noise": "predicted", "backbone": "random"},
}
# With two videos or two seeds a draw is one of the two, and Student's t has one degree of freedom.
WIDENING = t.ppf(0.975, 1) / norm.ppf(0.975)


def rows(values: Values) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"video": video, "expression": expression, "frame": frame, "j": j, "f": j}
            for (video, expression), j in values.items()
            for frame in ("00000", "00005")
        ],
        columns=["video", "expression", "frame", "j", "f"],
    )


def shifted(values: Values, by: float) -> Values:
    return {place: value + by for place, value in values.items()}


class Files(Tracked):
    """Stands for the record: the files of each run, by run and name."""

    def parquet(self, run_id: str, name: str, owner: str) -> pd.DataFrame:
        found: pd.DataFrame = self.files[run_id, name]
        return found

    def names(self, run_id: str) -> frozenset[str]:
        return frozenset(name for run, name in self.files if run == run_id)


def study(
    right: Mapping[tuple[str, int], Values],
    shuffled: Mapping[tuple[str, int], Values],
    levels: Mapping[str, Mapping[str, object]] = LEVELS,
    seeds: tuple[int, ...] = (0,),
    closest: Mapping[tuple[str, int], Values] = MappingProxyType({}),
) -> StudyRuns:
    """A study on arms with these levels; rows of scores, shuffled and closest by arm and seed."""
    client: Any = None
    files = {(f"{arm}/{seed}", "scores.parquet"): rows(values) for (arm, seed), values in right.items()}
    files |= {(f"{arm}/{seed}", "shuffled.parquet"): rows(values) for (arm, seed), values in shuffled.items()}
    files |= {(f"{arm}/{seed}", "closest.parquet"): rows(values) for (arm, seed), values in closest.items()}
    record = Files(uri="", client=client, experiment_id="", files=files)
    planned = tuple(Planned(key=f"{arm}{seed}", arm=arm, seed=seed, levels=levels[arm]) for arm in levels for seed in seeds)
    trials = {
        (arm, seed): TrialRun(
            key=f"{arm}{seed}",
            arm=arm,
            seed=seed,
            levels=levels[arm],
            run_id=f"{arm}/{seed}",
            tags={},
            artifact_uri=f"file:{arm}/{seed}",
            accepted_for="",
            record=record,
        )
        for arm, seed in right
    }
    plan = {"arms": list(levels), "reference": "VD-IT", "measure": ["components"], "preset": "paper"}
    return StudyRuns(study="made", run_id="", plan=plan, planned=planned, trials=trials, refused={}, methods={})


def cell(table: Table, arm: str, column: str) -> Cell:
    found = table.cell(arm, column)
    assert found is not None
    return found


def ends(found: Cell) -> tuple[float, float]:
    assert found.interval is not None
    return found.interval.low, found.interval.high


@pytest.fixture
def runs() -> StudyRuns:
    """VD-IT is .1 above the control everywhere, VD-T above it in one video and below in another."""
    apart = {("a", "0"): 0.1, ("a", "1"): 0.1, ("b", "0"): -0.1, ("b", "1"): -0.1, ("c", "0"): 0.0}
    right = {
        ("VD-IT", 0): RIGHT,
        ("VD-T", 0): {place: RIGHT[place] - 0.1 + by for place, by in apart.items()},
        ("random", 0): shifted(RIGHT, -0.1),
    }
    # Under other words VD-IT loses .6, .4, .1 and .1, VD-T .2 everywhere, and the control nothing.
    lost = dict(zip(TWO, (0.6, 0.4, 0.1, 0.1), strict=True))
    shuffled = {
        ("VD-IT", 0): {place: RIGHT[place] - by for place, by in lost.items()},
        ("VD-T", 0): {place: right["VD-T", 0][place] - 0.2 for place in TWO},
        ("random", 0): {place: right["random", 0][place] for place in TWO},
    }
    return study(right, shuffled)


@pytest.fixture
def table(runs: StudyRuns) -> Table:
    return controls.build(runs, {})


def test_minus_control_is_the_difference_of_j_and_f_with_its_interval(table: Table) -> None:
    # (80 + 60 + 60 + 40 + 30) / 5.
    assert cell(table, "VD-IT", "JF").mean == pytest.approx(54)
    above = cell(table, "VD-IT", "control")
    assert above.mean == pytest.approx(10) and ends(above) == pytest.approx((10, 10)) and above.met
    mixed = cell(table, "VD-T", "control")
    assert mixed.mean == pytest.approx(0) and mixed.met is False
    # It draws two of three videos with two, two and one expressions, that differ by 10, -10 and 0.
    assert ends(mixed)[0] < -10 and ends(mixed)[1] > 10
    own = cell(table, "random", "control")
    assert own.state == "none" and not own.sources


def test_right_minus_shuffled_leaves_out_the_video_of_one_object(table: Table) -> None:
    found = cell(table, "VD-IT", "shuffled")
    # Over four expressions (60 + 40 + 10 + 10) / 4; the first video alone says 50, the second 10.
    assert found.mean == pytest.approx(30) and found.met is False
    assert ends(found) == pytest.approx((30 - WIDENING * 20, 30 + WIDENING * 20))
    heard = cell(table, "VD-T", "shuffled")
    assert heard.mean == pytest.approx(20) and ends(heard) == pytest.approx((20, 20)) and heard.met
    deaf = cell(table, "random", "shuffled")
    assert deaf.mean == 0 and ends(deaf) == (0, 0) and deaf.met is False


def test_seeds_are_paired() -> None:
    right = {("VD-IT", 0): RIGHT, ("VD-IT", 1): RIGHT, ("random", 0): shifted(RIGHT, -0.10), ("random", 1): shifted(RIGHT, -0.14)}
    levels = {arm: LEVELS[arm] for arm in ("VD-IT", "random")}
    found = cell(controls.build(study(right, {}, levels, (0, 1)), {}), "VD-IT", "control")
    assert [source.value for source in found.sources] == pytest.approx([10, 14])
    # One of two seeds is drawn: 10 or 14.
    assert found.spread == pytest.approx(8**0.5) and ends(found) == pytest.approx((12 - WIDENING * 2, 12 + WIDENING * 2))


def test_a_control_that_has_not_finished_leaves_the_difference_incomplete() -> None:
    runs = study({("VD-IT", 0): RIGHT, ("VD-T", 0): RIGHT}, {})
    found = cell(controls.build(runs, {}), "VD-IT", "control")
    assert (found.state, found.why) == ("incomplete", "A seed of the control random has not finished.")


def test_a_study_without_a_control_says_so() -> None:
    runs = study({("VD-IT", 0): RIGHT}, {("VD-IT", 0): TWO}, {"VD-IT": LEVELS["VD-IT"]})
    made = controls.build(runs, {})
    assert made.complete and made.own == (0, 3)
    assert "Minus control: not there; this study has no arm of random features to compare with." in made.notes
    assert "minus control" not in render.markdown(made)


def test_a_second_draw_of_random_weights_is_no_control(runs: StudyRuns) -> None:
    notice = "No pretrained checkpoint is given (--weights DIR): the frozen networks have random weights."
    made = controls.build(replace(runs, plan={**runs.plan, "notice": notice}), {})
    assert not cell(made, "VD-IT", "control").sources
    assert "Minus control: not there; every backbone of this study has random weights." in made.notes
    assert "minus control" not in render.markdown(made)


def test_trials_recorded_before_have_no_shuffled_expressions_and_are_complete() -> None:
    right = {("VD-IT", 0): RIGHT, ("VD-T", 0): RIGHT, ("random", 0): RIGHT}
    made = controls.build(study(right, {}), {})
    assert made.complete and made.own == (0, 2) and not made.footnotes()
    assert any("Right minus shuffled: not there. Recorded before" in note for note in made.notes)
    assert any("Closest query: not there. Recorded before" in note for note in made.notes)
    some = controls.build(study(right, {("VD-IT", 0): TWO}), {})
    assert some.complete and cell(some, "VD-IT", "shuffled").state == "measured"
    assert cell(some, "VD-T", "shuffled").why == "Recorded before masks were scored under another object's words."


def test_without_a_video_of_two_objects_there_is_no_number() -> None:
    found = cell(controls.build(study({("VD-IT", 0): RIGHT}, {("VD-IT", 0): {}}, {"VD-IT": LEVELS["VD-IT"]}), {}), "VD-IT", "shuffled")
    assert (found.state, found.why) == ("undefined", "No video has expressions of two objects.")


def test_the_closest_query_stands_beside_what_was_chosen() -> None:
    right = {("VD-IT", 0): RIGHT, ("VD-IT", 1): RIGHT, ("random", 0): RIGHT, ("random", 1): RIGHT}
    near = {("VD-IT", 0): shifted(RIGHT, 0.1), ("VD-IT", 1): shifted(RIGHT, 0.14), ("random", 0): RIGHT}
    runs = study(right, {}, {arm: LEVELS[arm] for arm in ("VD-IT", "random")}, (0, 1), near)
    made = controls.build(runs, {})
    found = cell(made, "VD-IT", "closest")
    assert [source.value for source in found.sources] == pytest.approx([64, 68]) and found.mean == pytest.approx(66)
    # Of three videos those with most and least: (80 + 60) / 2 and 30 of one seed differ more than the seeds do.
    low, high = ends(found)
    assert low < 64 and high > 68
    assert controls.CLOSE in made.notes and made.complete
    traced = trace.trace(runs, (made,), "controls:VD-IT:closest")
    assert traced.printed == "66.0 ± 2.8" and "file:VD-IT/1/closest.parquet" in traced.steps[1].files
    # In the figure each seed is a dot, beside the interval of their mean.
    curves = controls_by_seed.build(runs)
    assert curves.panels == ("J&F", "closest query")
    assert curves.absent == (
        "Closest query: not there of random (see the controls).",
        "Right minus shuffled: not there of VD-IT, random (see the controls).",
    )
    drawn = curves.of("closest query", "VD-IT")
    assert drawn["x"].tolist() == [0, 1] and drawn["y"].tolist() == pytest.approx([64, 68])
    assert drawn[["low", "high"]].to_numpy().tolist() == [[low, high]] * 2
    dots, bars = (
        [line for line in controls_by_seed.draw(curves).axes[0].get_lines() if (str(line.get_marker()) == "o") is dot]
        for dot in (True, False)
    )
    assert [list(line.get_xdata()) for line in dots[:2]] == [pytest.approx([54, 54]), pytest.approx([64, 68])]  # type: ignore[arg-type]
    assert list(bars[1].get_xdata()) == [low, high]  # type: ignore[arg-type]
    # Of the control one seed was recorded before.
    missing = cell(made, "random", "closest")
    assert not missing.sources and missing.why == "Recorded before the closest query's masks were scored."
    # It is no difference, and neither met nor not met.
    line = next(row for row in csv.DictReader(io.StringIO(export.as_csv(made))) if row["method"] == "VD-IT")
    assert float(line["closest"]) == pytest.approx(66) and "closest_met" not in line


def test_trials_on_other_videos_are_not_compared() -> None:
    made = controls.build(study({("VD-IT", 0): RIGHT, ("VD-T", 0): RIGHT, ("random", 0): TWO}, {}), {})
    found = cell(made, "VD-IT", "control")
    assert not found.sources and found.why.startswith("Not paired: only the first arm has seed 0, video c")


def test_an_arm_stands_against_the_random_weights_most_like_it() -> None:
    levels: Mapping[str, Mapping[str, object]] = {
        "modelscope": {"prompt": "text", "backbone": "modelscope"},
        "of the preset": {"prompt": "image"},
        "swin": {"backbone": "video-swin", "head": "sgmg"},
        "stable": {"backbone": "stable-diffusion"},
        "random image": {"prompt": "image", "backbone": "random"},
        "random text": {"prompt": "text", "backbone": "random"},
        "random swin": {"backbone": "random-video-swin"},
        "random U-Net": {"prompt": "text", "backbone": "random-denoiser"},
    }
    runs = study({(arm, 0): RIGHT for arm in levels}, {}, levels)
    found = {arm: controls.control_of(runs, arm) for arm in levels}
    assert found["modelscope"] == "random text" and found["of the preset"] == "random image" and found["swin"] == "random swin"
    assert found["random text"] == "" and found["random U-Net"] == "random text"
    notes = controls.build(runs, {}).notes
    assert "No random weights of their own architecture: stable." in notes
    assert "Minus control: swin minus random swin, on random weights, paired by video and seed." in notes


def test_it_is_printed_met_or_not(table: Table) -> None:
    text = render.markdown(table)
    assert text.startswith("# Controls: random features, shuffled expressions\n") and "paper, full size" not in text
    row = next(line for line in text.splitlines() if line.startswith("| VD-IT"))
    assert r"**+10.0**<br><sub>\[+10.0, +10.0\], met</sub>" in row and "+30.0" in row
    assert "], not met" in row
    assert controls.MET in text and "Minus control: random, on random weights" in text
    latex = render.latex(table)
    assert r"[$-$99.7, +159.7], not met" in latex and "−" not in latex
    narrow = Console(width=64, file=io.StringIO())
    terminal.show(table, narrow)
    shown = narrow.file.getvalue()  # type: ignore[attr-defined]
    assert all(f"\n{arm} " in shown for arm in LEVELS) and shown.count("not met\n") == 2


def test_programs_read_it_too(table: Table, runs: StudyRuns) -> None:
    line = next(row for row in csv.DictReader(io.StringIO(export.as_csv(table))) if row["method"] == "VD-IT")
    assert (float(line["control"]), line["control_met"], line["shuffled_met"], line.get("JF_met")) == (pytest.approx(10), "1", "0", None)
    found = next(row["cells"] for row in export.as_json(table)["rows"] if row["method"] == "VD-IT")
    assert (found["control"]["met"], found["shuffled"]["met"]) == (True, False) and "met" not in found["JF"]
    assert found["control"]["seeds"][0]["minus"] == ["random/0"] and "minus" not in found["shuffled"]["seeds"][0]


def test_a_difference_is_traced_to_both_its_files(table: Table, runs: StudyRuns) -> None:
    control = trace.trace(runs, (table,), "controls:VD-IT:control")
    assert control.printed == "+10.0" and {"file:VD-IT/0/scores.parquet", "file:random/0/scores.parquet"} <= set(control.steps[0].files)
    shuffled = trace.trace(runs, (table,), "controls:VD-IT:shuffled")
    assert {"file:VD-IT/0/scores.parquet", "file:VD-IT/0/shuffled.parquet"} <= set(shuffled.steps[0].files)


def test_a_study_of_components_has_it_last(outputs: Callable[[str], Outputs]) -> None:
    assert [table.name for table in outputs("full").tables][-1] == "controls"


def test_one_video_gives_a_difference_and_nothing_that_says_how_sure_it_is(load: Callable[[str], StudyRuns]) -> None:
    runs = load("full")
    # As if the arms' weights had been trained.
    found = cell(controls.build(replace(runs, plan={**runs.plan, "notice": ""}), {}), "VD-IT", "control")
    assert found.state == "measured" and found.met is None
