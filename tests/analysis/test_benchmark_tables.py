"""Tables 1, 2 and 4: a trial, and a method with the same predictions, in the same cells. Oracle: what `vdit score` says of the rows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vdit.record import scores as record_scores
from vdit.score import detections, ref_davis17
from vdit.score.result import Options
from vdit.track.entry import Entry, Measurement
from vdit.track.mlflow import MLflow
from vdit_analysis import export, outputs, render
from vdit_analysis.outputs import Outputs
from vdit_analysis.runs import StudyRuns, load
from vdit_analysis.table import Cell, Table

Plan = Callable[..., dict[str, Any]]
ANNOTATORS = 4


@dataclass(frozen=True)
class Study:
    """A study with one trial an arm and the methods logged beside it, all with the rows given."""

    record: MLflow
    folder: Path
    plan: Plan

    def __call__(
        self,
        study: str,
        *,
        config: Mapping[str, Any],
        measure: str,
        arms: Mapping[str, pd.DataFrame],
        methods: list[tuple[str, str, pd.DataFrame]],
    ) -> StudyRuns:
        """`methods` are name, protocol and rows."""
        name = "instances" if "image" in next(iter(arms.values())) else "scores"
        content = self.plan(study, {"VD-IT": "VD-IT"}, [0])
        content["trials"] = [content["trials"][0] | {"arm": arm, "key": f"{study}-{arm}"} for arm in arms]
        content |= {"measure": [measure], "arms": list(arms), "methods": list(dict.fromkeys(method for method, _, _ in methods))}
        self.record.study(content)
        for arm, rows in arms.items():
            files = self.files({"trial": dict(config)}, name, rows)
            self.record.finish(Entry(f"{study}-{arm}", arm, 0, {}, "c" * 64, "d" * 64, "e" * 64, "", {}), files)
        for place, (method, protocol, rows) in enumerate(methods):
            file = "instances" if protocol == "detections" else "scores"
            files = self.files({}, file, rows)
            self.record.measured(Measurement(method, 0, protocol, file, "c" * 64, f"{study}{place}", f"{place}"), files)
        self.record.close("FINISHED")
        return load(study, self.record.uri)

    def files(self, config: Mapping[str, Any], name: str, rows: pd.DataFrame) -> Path:
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "result.json").write_text('{"metrics": {"j": 0.5}, "steps": 0}')
        rows.to_parquet(folder / f"{name}.parquet")
        return folder


@pytest.fixture(scope="module")
def study(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Study(MLflow(f"sqlite:///{folder / 'mlflow.db'}", folder), tmp_path_factory.mktemp("files"), plan)


def only(made: Outputs) -> Table:
    return made.tables[-1]


def cell(table: Table, row: str, column: str) -> Cell:
    found = table.cell(row, column)
    assert found is not None
    return found


def queries(images: list[str], seed: int, quality: float = 3) -> pd.DataFrame:
    """Three queries an image; the truth of an image is the same for every seed."""
    truth = np.random.default_rng(len(images)).integers(200, 400, len(images)).repeat(3)
    rng = np.random.default_rng(seed)
    inside = (truth * rng.beta(quality, 1, 3 * len(images))).astype(int)
    return pd.DataFrame(
        {
            "image": np.repeat(images, 3),
            "query": np.tile([0, 1, 2], len(images)),
            "score": rng.random(3 * len(images)),
            "intersection": inside,
            "union": truth + rng.integers(0, 60, 3 * len(images)),
        }
    )


IMAGES = [f"v_clip{number % 7}_f_{number}_i_1" for number in range(20)]


@pytest.fixture(scope="module")
def tables(study: Study, published: Path) -> dict[str, Table]:
    ours, worse = queries(IMAGES, 0), queries(IMAGES, 1, 1)
    logged = [
        ("MTTR", "detections", ours),
        ("unlike", "detections", ours.assign(union=ours["intersection"].max() - 1)),
        ("by mask", "per-expression", ours),
    ]
    config = {"data": {"benchmark": "a2d_sentences", "eval_split": "test"}}
    runs = study("a2d", config=config, measure="sentences", arms={"VD-IT": ours, "worse": worse}, methods=logged)
    return {table.name: table for table in outputs.build(runs, published).tables}


@pytest.fixture
def table2(tables: dict[str, Table]) -> Table:
    return tables["table2"]


def test_precision_stands_in_a_table_of_its_own_without_the_papers_other_methods(tables: dict[str, Table]) -> None:
    said = detections.numbers(queries(IMAGES, 0).assign(area_truth=300.0, area_prediction=300))
    table = tables["table2_precision"]
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
        for row in ("VD-IT", "MTTR"):
            assert cell(table, row, f"A2D_P@{threshold}").mean == pytest.approx(100 * said[f"P@{threshold}"], abs=1e-9)
    assert [row.name for row in table.rows] == ["MTTR", "VD-IT", "worse", "unlike", "by mask"] and not table.printed
    ends = [found.interval for row in table.rows for found in row.cells if found.interval]
    assert all(0 <= found.low <= found.high <= 100 for found in ends)


def test_table2_is_what_vdit_score_detections_says(table2: Table) -> None:
    said = detections.numbers(queries(IMAGES, 0).assign(area_truth=300.0, area_prediction=300))
    names = {"mAP": "mAP 0.5:0.95", "overall": "overall_iou", "mean": "mean_iou"}
    for row in ("VD-IT", "MTTR"):
        for key, name in names.items():
            assert cell(table2, row, f"A2D_{key}").mean == pytest.approx(100 * said[name], abs=1e-9)
    assert cell(table2, "MTTR", "A2D_mAP").published == 46.1
    assert cell(table2, "VD-IT", "JHMDB_mAP").state == "paper only" and cell(table2, "VD-IT", "JHMDB_mAP").published == 46.5
    assert "of JHMDB there are the paper's numbers only" in table2.notes[0] and "measured on a2d_sentences, split test" in table2.notes[0]


def test_the_same_predictions_differ_by_nothing_and_worse_ones_by_what_they_are_worse(table2: Table) -> None:
    for column in ("A2D_mAP", "A2D_overall", "A2D_mean"):
        same, worse = cell(table2, "MTTR", column).comparison, cell(table2, "worse", column).comparison
        assert same is not None and (same.interval.estimate, same.interval.low, same.interval.high, same.p) == (0, 0, 0, 1)
        assert worse is not None and worse.interval.high < 0
        expected = cell(table2, "worse", column).mean - cell(table2, "VD-IT", column).mean
        assert worse.interval.estimate == pytest.approx(expected, abs=1e-9)
        # Seven videos: at least two of 128 patterns are as large.
        assert 2 / 128 <= worse.p < 0.05 and worse.interval.videos == 7
    assert cell(table2, "VD-IT", "A2D_mAP").comparison is None


def test_detections_of_another_truth_or_protocol_have_no_cell(table2: Table) -> None:
    assert "was scored on another truth, the true mask of image" in cell(table2, "unlike", "A2D_mAP").why
    assert "Logged under protocol per-expression only" in cell(table2, "by mask", "A2D_mAP").why
    assert not table2.complete


def test_every_format_shows_intervals_and_differences(table2: Table) -> None:
    column = table2.columns[1]
    own, worse = (cell(table2, row, column.key) for row in ("VD-IT", "worse"))
    for text in (render.markdown(table2), render.latex(table2)):
        assert "Difference to VD-IT" in text and ", p = .0" in text and "JHMDB Overall" not in text.split("Paper")[0]
    assert render.interval(own, column) in render.latex(table2)
    frame = export.as_csv(table2).splitlines()
    assert "A2D_overall_low" in frame[0] and "A2D_overall_difference" in frame[0]
    (ours, other) = [row["cells"][column.key] for row in export.as_json(table2)["rows"] if row["method"] in ("VD-IT", "worse")]
    assert own.interval is not None and worse.comparison is not None
    assert (ours["low"], ours["high"], ours["videos"]) == (own.interval.low, own.interval.high, 7)
    assert other["difference"]["p"] == worse.comparison.p and ours["difference"] is None
    json.dumps(export.as_json(table2), allow_nan=False)


def test_table4_has_each_data_set_of_a_trial_and_of_a_method_scored_three_times(study: Study, published: Path) -> None:
    sizes = {"refcoco": 9, "refcoco+": 8, "refcocog": 7}
    tables = {name: queries([f"{name}-val-{number:06d}" for number in range(size)], 3) for name, size in sizes.items()}
    # A results file knows a sentence by its number alone.
    logged = [
        ("SgMg", "detections", table.assign(image=table["image"].str[-6:].astype(int).map("{:012d}".format))) for table in tables.values()
    ]
    config = {"data": {"benchmark": "refcoco", "eval_split": "val"}}
    table4 = only(
        outputs.build(
            study("refcoco", config=config, measure="images", arms={"VD-IT": pd.concat(tables.values())}, methods=logged), published
        )
    )
    for title, table in zip(("RefCOCO", "RefCOCO+", "RefCOCOg"), tables.values(), strict=True):
        expected = 100 * detections.numbers(table.assign(area_truth=300.0, area_prediction=300))["overall_iou"]
        assert cell(table4, "VD-IT", title).mean == cell(table4, "SgMg", title).mean == pytest.approx(expected, abs=1e-9)
    assert cell(table4, "SgMg", "RefCOCO+").published == 66.4 and table4.complete


def draw(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(path)


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, ref_davis17.Result]:
    """A trial's rows, an expression at a time, and the protocol's result, of two videos of two objects by four annotators."""
    folder, rng = tmp_path_factory.mktemp("davis"), np.random.default_rng(0)
    rows = []
    for video in ("bear", "swan"):
        truth = np.zeros((3, 24, 32), np.uint8)
        truth[:, 4:12, 3:15], truth[:, 10:20, 14:28] = 1, 2
        for frame in range(3):
            draw(folder / "truth" / video / f"{frame:05d}.png", truth[frame])
        for annotator in range(ANNOTATORS):
            found = np.where(rng.random(truth.shape) < 0.05 * (1 + annotator), 0, np.roll(truth, annotator, axis=2))
            for frame in range(3):
                draw(folder / "ours" / f"anno_{annotator}" / video / f"{frame:05d}.png", found[frame])
            for place, label in enumerate((1, 2)):
                names = [f"{frame:05d}" for frame in range(3)]
                rows.append(record_scores.rows(video, str(ANNOTATORS * place + annotator), names, found == label, truth == label))
    return pd.concat(rows, ignore_index=True), ref_davis17.score(folder / "truth", folder / "ours", Options())


def test_table1_has_the_protocols_mean_over_annotators(
    study: Study, published: Path, davis: tuple[pd.DataFrame, ref_davis17.Result]
) -> None:
    trial, result = davis
    logged = [("OnlineRefer", "ref-davis17", result.rows), ("alone", "per-expression", trial)]
    config = {"data": {"benchmark": "ref_davis17", "eval_split": "valid"}}
    table1 = only(outputs.build(study("davis17", config=config, measure="sota", arms={"VD-IT": trial}, methods=logged), published))
    for key in ("JF", "J", "F"):
        found = cell(table1, "OnlineRefer", f"DAVIS17_{key}")
        assert found.mean == pytest.approx(100 * result.numbers[f"mean_{key}"], abs=1e-9)
        assert found.interval is not None and found.interval.estimate == pytest.approx(found.mean, abs=1e-9)
    assert cell(table1, "OnlineRefer", "DAVIS17_JF").published == 62.4
    assert "The paper's ref_davis17_jf of URVOS, 51.5, is not the mean of its J and F, 51.65, within rounding." in table1.notes
    # A trial's own rows are not the protocol's, nor are a method's that were scored like them.
    own = cell(table1, "VD-IT", "DAVIS17_JF")
    assert own.state == "undefined" and "vdit score ref-davis17" in own.why
    assert cell(table1, "OnlineRefer", "DAVIS17_JF").comparison is None
    assert "vdit score ref-davis17" in cell(table1, "alone", "DAVIS17_JF").why
    assert cell(table1, "VD-IT", "YTVOS_JF").state == "paper only"


def test_annotators_rows_of_another_truth_are_refused(
    study: Study, published: Path, davis: tuple[pd.DataFrame, ref_davis17.Result]
) -> None:
    trial, result = davis
    logged = [("misjudged", "ref-davis17", result.rows.assign(area_truth=lambda rows: rows["area_truth"] + (rows["video"] == "swan")))]
    config = {"data": {"benchmark": "ref_davis17", "eval_split": "valid"}}
    table1 = only(outputs.build(study("elsewhere17", config=config, measure="sota", arms={"VD-IT": trial}, methods=logged), published))
    assert "the true mask of swan/0/00000 is another (24 such frames)" in cell(table1, "misjudged", "DAVIS17_J").why


def test_table1_on_ref_youtube_vos_and_the_rows_beside_which_it_stands(
    study: Study, published: Path, davis: tuple[pd.DataFrame, ref_davis17.Result]
) -> None:
    trial, _ = davis
    logged = [("MTTR", "ref-youtube-vos held_out", trial)]
    for start, paper in (("", 64.8), ("a" * 64, 66.5)):
        config = {"data": {"benchmark": "ref_youtube_vos", "eval_split": "held_out"}, "train": {"start": start}}
        table1 = only(
            outputs.build(study(f"youtube{start[:1]}", config=config, measure="sota", arms={"VD-IT": trial}, methods=logged), published)
        )
        ours, method = cell(table1, "VD-IT", "YTVOS_J"), cell(table1, "MTTR", "YTVOS_J")
        assert ours.mean == method.mean == pytest.approx(100 * trial.groupby(["video", "expression"])["j"].mean().mean())
        assert cell(table1, "VD-IT", "YTVOS_JF").published == paper
        assert sum(row.cells[0].published is not None for row in table1.rows) == 19
