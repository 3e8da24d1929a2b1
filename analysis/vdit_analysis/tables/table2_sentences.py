"""Table 2: mAP, overall and mean IoU on A2D-Sentences and JHMDB-Sentences (Section 5.1)."""

from collections.abc import Callable, Mapping

import pandas as pd

from vdit.metrics import average_precision, mean_iou, overall_iou
from vdit_analysis import quantities
from vdit_analysis.build import Part, elsewhere, measured
from vdit_analysis.published import Published
from vdit_analysis.ranking import Ranking
from vdit_analysis.rows import DETECTIONS
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table, of_benchmark

MEASURE = "sentences"
TITLE = "A2D-Sentences and JHMDB-Sentences"
SOURCE = (
    "VD-IT (ECCV 2024), Table 2. IoU of the query with the highest score, mAP .50:.95 of all queries, as vdit score detections has them."
)
PUBLISHED = "table2_a2d_jhmdb_sentences.csv"
Names = tuple[tuple[str, str, str, str], ...]
QUANTITIES: Names = (
    ("mAP", "mAP", "mAP", "map"),
    ("overall", "Overall", "Overall", "overall_iou"),
    ("mean", "Mean", "Mean", "mean_iou"),
)
BENCHMARKS = {"a2d_sentences": ("A2D", "a2d"), "jhmdb_sentences": ("JHMDB", "jhmdb")}


def columns(short: str, published: str, names: Names = QUANTITIES) -> tuple[Column, ...]:
    return of_benchmark(short, published, names, "Every mask is empty, the true ones too.")


COLUMNS = tuple(column for names in BENCHMARKS.values() for column in columns(*names))


def build(runs: StudyRuns, published: Published) -> Table:
    parts = tuple(part(benchmark, columns(*names), measure) for benchmark, names in BENCHMARKS.items())
    rows = measured(runs, parts, published)
    return Table(
        name="table2",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=elsewhere(runs, parts),
    )


def part(benchmark: str, own: tuple[Column, ...], measure: Callable[[pd.DataFrame], Mapping[str, float]]) -> Part:
    """Columns of a benchmark; `measure` knows its quantities by their names, from 0 to 1."""
    short, _ = BENCHMARKS[benchmark]

    def percent(instances: pd.DataFrame) -> Mapping[str, float]:
        return {f"{short}_{key}": 100 * value for key, value in measure(instances).items()}

    def statistics(instances: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals | Ranking]:
        return {f"{short}_{key}": found for key, found in quantities.detections(instances).items()}

    return Part(columns=own, measure=percent, statistics=statistics, rows=DETECTIONS, benchmark=benchmark)


def measure(instances: pd.DataFrame) -> Mapping[str, float]:
    return {
        "mAP": average_precision.measure(instances),
        "overall": overall_iou.measure(instances),
        "mean": mean_iou.measure(instances),
    }
