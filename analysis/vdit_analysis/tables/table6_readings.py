"""Another reading of Table 6: "masks" counted per expression by their mean IoU instead of per frame."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import quality
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Column, Table, component_notes, components_of, measured

MEASURE = "quality"
TITLE = "Share of high-quality masks, counted per expression"
SOURCE = "VD-IT (ECCV 2024), Table 6, on Ref-YouTube-VOS."
PUBLISHED = "table6_mask_quality.csv"
MARKS = ("Image", "Text", "NP")
COLUMNS = (
    Column(
        key="ratio",
        title="Ratio",
        latex="Ratio",
        published="ratio_iou90_over_iou50_percent",
        better="higher",
        unit="percent",
        decimals=2,
        undefined="No expression has a mean IoU above 0.5.",
    ),
)


def build(runs: StudyRuns, published: Published) -> Table:
    rows = measured(runs, COLUMNS, published, _measure, components_of)
    notes = ("Ratio: expressions with a mean IoU above 0.9 in 100 expressions with one above 0.5.", *component_notes(rows))
    return Table(
        name="table6_readings", title=TITLE, source=SOURCE, marks=MARKS, columns=COLUMNS, rows=rows, notice=runs.notice, notes=notes
    )


def _measure(scores: pd.DataFrame) -> Mapping[str, float]:
    return {"ratio": quality.per_expression(scores)}
