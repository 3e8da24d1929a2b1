"""Other readings of Table 5: the paper names the IoU difference without a formula, and these are the formulas it could be."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import consistency
from vdit.metrics.consistency import Kind
from vdit_analysis import quantities
from vdit_analysis.build import Part, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table

MEASURE = "consistency"
TITLE = "Temporal IoU difference, other readings"
SOURCE = "VD-IT (ECCV 2024), Table 5, on Ref-YouTube-VOS."
PUBLISHED = "table5_temporal_iou_difference.csv"
KINDS: Mapping[Kind, str] = {
    "pooled": "mean over all pairs of frames at once",
    "rms": "root of the mean square within an expression",
    "present": "pairs that show the object in both frames",
}
PLACES: tuple[tuple[Kind, int], ...] = tuple((kind, interval) for kind in KINDS for interval in (1, 5))
COLUMNS = tuple(
    Column(
        key=f"{kind}{interval}",
        title=f"{kind}, {interval}",
        latex=f"{kind}, {interval}",
        published=f"iou_diff_interval_{interval}",
        better="lower",
        unit="percent points of IoU",
        decimals=2,
        undefined=f"No expression has such a pair of frames {interval} apart.",
    )
    for kind, interval in PLACES
)


def build(runs: StudyRuns, published: Published) -> Table:
    parts = (Part(columns=COLUMNS, measure=_measure, statistics=_statistics),)
    rows = measured(runs, parts, published)
    meanings = "; ".join(f"{kind}: {meaning}" for kind, meaning in KINDS.items())
    notes = (f"{meanings}.", "The paper's number is the same under every reading.")
    return Table(
        name="table5_readings",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=notes,
    )


def _measure(scores: pd.DataFrame) -> Mapping[str, float]:
    return {f"{kind}{interval}": consistency.measure(scores, interval, kind) for kind, interval in PLACES}


def _statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return {f"{kind}{interval}": quantities.change(scores, interval, kind) for kind, interval in PLACES}
