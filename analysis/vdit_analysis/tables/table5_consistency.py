"""Table 5: how much IoU varies between frames 1 and 5 apart (Section 5.2, Temporal Consistency Analysis)."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import consistency
from vdit_analysis import quantities
from vdit_analysis.build import Part, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table

MEASURE = "consistency"
TITLE = "Temporal IoU difference"
SOURCE = (
    "VD-IT (ECCV 2024), Table 5, on Ref-YouTube-VOS. The paper gives no formula; here: mean |J(t) - J(t+k)| per expression, "
    "then over the expressions with more than k annotated frames."
)
PUBLISHED = "table5_temporal_iou_difference.csv"
INTERVALS = (1, 5)
COLUMNS = tuple(
    Column(
        key=f"D{interval}",
        title=f"interval {interval}",
        latex=f"Inter. {interval}",
        published=f"iou_diff_interval_{interval}",
        better="lower",
        unit="percent points of IoU",
        decimals=2,
        undefined=f"No expression has more than {interval} annotated frames.",
    )
    for interval in INTERVALS
)


def build(runs: StudyRuns, published: Published) -> Table:
    parts = (Part(columns=COLUMNS, measure=_measure, statistics=_statistics),)
    rows = measured(runs, parts, published)
    notes = ("A model that finds nothing in any frame does not vary either: read this table beside Table 3.",)
    return Table(
        name="table5",
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
    return {f"D{interval}": consistency.measure(scores, interval) for interval in INTERVALS}


def _statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return {f"D{interval}": quantities.change(scores, interval) for interval in INTERVALS}
