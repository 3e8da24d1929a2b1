"""Table 4: overall IoU on RefCOCO, RefCOCO+ and RefCOCOg, referring segmentation of single images (Section 5.2)."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import overall_iou
from vdit_analysis import quantities
from vdit_analysis.build import Part, elsewhere, measured
from vdit_analysis.published import Published
from vdit_analysis.rows import of_data_set
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table

MEASURE = "images"
TITLE = "RefCOCO, RefCOCO+ and RefCOCOg"
SOURCE = "VD-IT (ECCV 2024), Table 4, on the split val. Overall IoU of the query with the highest score, a sentence at a time."
PUBLISHED = "table4_refcoco.csv"
DATA_SETS = {
    "refcoco": ("RefCOCO", "refcoco_oiou"),
    "refcoco+": ("RefCOCO+", "refcoco_plus_oiou"),
    "refcocog": ("RefCOCOg", "refcocog_oiou"),
}
ROWS = {name: of_data_set(name) for name in DATA_SETS}
COLUMNS = tuple(
    Column(
        key=title,
        title=title,
        latex=title,
        published=published,
        better="higher",
        unit="percent",
        decimals=1,
        undefined="Every mask is empty, the true ones too.",
    )
    for title, published in DATA_SETS.values()
)
# The file has sentences, not photographs (metrics.md A3): what is said of one photograph cannot be kept together.
ALONE = "Intervals and p take sentences for independent, though several are about one photograph: they err to the narrow side."


def build(runs: StudyRuns, published: Published) -> Table:
    parts = tuple(_part(name, column) for name, column in zip(DATA_SETS, COLUMNS, strict=True))
    rows = measured(runs, parts, published)
    return Table(
        name="table4",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=(*elsewhere(runs, parts), ALONE),
    )


def _part(name: str, column: Column) -> Part:
    def measure(instances: pd.DataFrame) -> Mapping[str, float]:
        return {column.key: 100 * overall_iou.measure(instances)}

    def statistics(instances: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
        return {column.key: quantities.overall_iou(instances)}

    return Part(columns=(column,), measure=measure, statistics=statistics, rows=ROWS[name], benchmark="refcoco")
