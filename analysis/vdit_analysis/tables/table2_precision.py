"""The precisions that are measured with Table 2 and that the paper does not print: how many images have an IoU above K."""

from collections.abc import Mapping

import pandas as pd

from vdit.metrics import precision
from vdit_analysis.build import elsewhere, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Table
from vdit_analysis.tables import table2_sentences
from vdit_analysis.tables.table2_sentences import BENCHMARKS, columns, part

MEASURE = table2_sentences.MEASURE
TITLE = "A2D-Sentences and JHMDB-Sentences, precision"
SOURCE = "Beside VD-IT (ECCV 2024), Table 2, where it is not printed. Share of images whose best-scored query has an IoU above K."
PUBLISHED = table2_sentences.PUBLISHED
NAMES = tuple((f"P@{threshold}", f"P@{threshold}", f"P@{threshold}", f"p_{threshold}") for threshold in precision.THRESHOLDS)
COLUMNS = tuple(column for names in BENCHMARKS.values() for column in columns(*names, NAMES))


def build(runs: StudyRuns, published: Published) -> Table:
    parts = tuple(part(benchmark, columns(*names, NAMES), _measure) for benchmark, names in BENCHMARKS.items())
    # Rows of which only the paper has numbers have none here.
    own = {name: row for name, row in published.items() if name in (*runs.arms, *runs.methods)}
    rows = measured(runs, parts, own)
    return Table(
        name="table2_precision",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=elsewhere(runs, parts),
    )


def _measure(instances: pd.DataFrame) -> Mapping[str, float]:
    return {f"P@{threshold}": share for threshold, share in precision.measure(instances).items()}
