"""Table 3: what each component of VD-IT adds to J&F, J and F (Section 5.2, Component Analysis)."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import components
from vdit_analysis import quantities
from vdit_analysis.build import Part, component_notes, components_of, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Column, Table

MEASURE = "components"
TITLE = "Components of VD-IT"
SOURCE = "VD-IT (ECCV 2024), Table 3, on Ref-YouTube-VOS. J and F: mean over an expression's frames, then over expressions."
PUBLISHED = "table3_components.csv"
MARKS = ("Image", "Text", "NP")
UNDEFINED = "No frame was scored."
COLUMNS = tuple(
    Column(key=key, title=title, latex=latex, published=name, better="higher", unit="percent", decimals=1, undefined=UNDEFINED)
    for key, title, latex, name in (
        ("JF", "J&F", r"$\mathcal{J}\&\mathcal{F}$", "jf"),
        ("J", "J", r"$\mathcal{J}$", "j"),
        ("F", "F", r"$\mathcal{F}$", "f"),
    )
)


def build(runs: StudyRuns, published: Published) -> Table:
    parts = (Part(columns=COLUMNS, measure=_measure, statistics=_statistics),)
    rows = measured(runs, parts, published, components_of)
    notes = component_notes(rows)
    return Table(
        name="table3",
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
    found = components.measure(scores)
    return {"JF": found.jf, "J": found.j, "F": found.f}


def _statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return quantities.components(scores)
