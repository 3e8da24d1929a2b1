"""Table 6: the share of moderate masks (IoU > 0.5) that are of high quality (IoU > 0.9) (Section 5.2, Enhancing Mask Quality)."""

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
TITLE = "Share of high-quality masks"
SOURCE = "VD-IT (ECCV 2024), Table 6, on Ref-YouTube-VOS. Masks are counted over all frames of all expressions, both bounds strict."
PUBLISHED = "table6_mask_quality.csv"
MARKS = ("Image", "Text", "NP")
RATIO = "Ratio: masks with an IoU above 0.9 in 100 masks with an IoU above 0.5."
COLUMNS = (
    Column(
        key="ratio",
        title="Ratio",
        latex=r"$\frac{\mathrm{IoU}>0.9}{\mathrm{IoU}>0.5}$",
        published="ratio_iou90_over_iou50_percent",
        better="higher",
        unit="percent",
        decimals=2,
        undefined="No mask has an IoU above 0.5.",
    ),
)


def build(runs: StudyRuns, published: Published) -> Table:
    parts = (Part(columns=COLUMNS, measure=_measure, statistics=_statistics),)
    rows = measured(runs, parts, published, components_of)
    notes = (RATIO, *component_notes(rows))
    return Table(
        name="table6",
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
    return {"ratio": quality.measure(scores)}


def _statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return {"ratio": quantities.quality_ratio(scores)}
