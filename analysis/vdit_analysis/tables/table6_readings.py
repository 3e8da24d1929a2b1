"""Another reading of Table 6: "masks" counted per expression by their mean IoU instead of per frame."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import quality
from vdit_analysis import quantities
from vdit_analysis.build import Part, component_notes, components_of, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table

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
    parts = (Part(columns=COLUMNS, measure=_measure, statistics=_statistics),)
    rows = measured(runs, parts, published, components_of)
    notes = ("Ratio: expressions with a mean IoU above 0.9 in 100 expressions with one above 0.5.", *component_notes(rows))
    return Table(
        name="table6_readings",
        title=TITLE,
        source=SOURCE,
        marks=MARKS,
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=notes,
    )


def _measure(scores: pd.DataFrame) -> Mapping[str, float]:
    return {"ratio": quality.per_expression(scores)}


def _statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return {"ratio": quantities.quality_per_expression(scores)}
