"""Table 1: J&F, J and F on Ref-YouTube-VOS and Ref-DAVIS17 (Section 5.1), each by its own protocol (metrics.md A3)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vdit.metrics import components
from vdit_analysis import quantities
from vdit_analysis.build import Part, elsewhere, measured
from vdit_analysis.published import PRETRAINED, Published
from vdit_analysis.rows import ANNOTATED, ANNOTATORS_ROWS
from vdit_analysis.runs import StudyRuns
from vdit_analysis.stats import Totals
from vdit_analysis.table import Table, of_benchmark

MEASURE = "sota"
TITLE = "Ref-YouTube-VOS and Ref-DAVIS17"
SOURCE = (
    "VD-IT (ECCV 2024), Table 1. Ref-YouTube-VOS: mean over an expression's frames, then over expressions; the paper's numbers are the "
    "server's, of the split valid. Ref-DAVIS17: DAVIS unsupervised for each of four annotators, then their mean."
)
PUBLISHED = "table1_ref_youtube_vos_ref_davis17.csv"
KEYS = (("JF", "J&F", r"$\mathcal{J}\&\mathcal{F}$", "jf"), ("J", "J", r"$\mathcal{J}$", "j"), ("F", "F", r"$\mathcal{F}$", "f"))
# A trial's masks are scored one expression at a time; in the protocol an annotator's objects compete for pixels and are matched.
NO_PROTOCOL = (
    "Ref-DAVIS17's protocol fuses and matches what is predicted for an annotator, which a trial's own scores are not: vdit predict --run "
    "TRIAL --data REF-DAVIS17 --out DIR, then vdit score ref-davis17 --predictions DIR --log NAME, and NAME among the study's methods."
)


YOUTUBE = of_benchmark("YTVOS", "ref_youtube_vos", KEYS, "No frame was scored.")
DAVIS = of_benchmark("DAVIS17", "ref_davis17", KEYS, NO_PROTOCOL)
COLUMNS = YOUTUBE + DAVIS


def build(runs: StudyRuns, published: Published) -> Table:
    parts = (
        Part(columns=YOUTUBE, measure=_youtube, statistics=_youtube_statistics, benchmark="ref_youtube_vos"),
        Part(columns=DAVIS, measure=_davis, statistics=_davis_statistics, rows=ANNOTATED, benchmark="ref_davis17"),
    )
    started = any(trial.document("config").get("trial", {}).get("train", {}).get("start") for trial in runs.trials.values())
    rows = measured(runs, parts, _beside(runs, published) if started else published)
    return Table(
        name="table1",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=(f"{PRETRAINED}: on RefCOCO/+/g, before training on videos.", *elsewhere(runs, parts)),
    )


def _beside(runs: StudyRuns, published: Published) -> Published:
    """The paper's rows for a study that goes on from other trials: an arm stands beside its pre-trained namesake."""
    named = {f"{arm} ({PRETRAINED})": arm for arm in runs.arms}
    plain = {arm for name, arm in named.items() if name in published}
    return {named.get(name, f"{name} (no {PRETRAINED})" if name in plain else name): row for name, row in published.items()}


def _youtube(scores: pd.DataFrame) -> Mapping[str, float]:
    found = components.measure(scores)
    return {"YTVOS_JF": found.jf, "YTVOS_J": found.j, "YTVOS_F": found.f}


def _davis(scores: pd.DataFrame) -> Mapping[str, float]:
    """The mean of the four annotators' means, as `vdit score ref-davis17` has it; NaN of rows that are no annotators'."""
    annotators = scores["expression"].str.extract(ANNOTATORS_ROWS)["annotator"]
    if annotators.isna().any():
        return {column.key: float("nan") for column in DAVIS}
    found = [components.measure(rows) for _, rows in scores.groupby(annotators)]
    means = {"JF": [one.jf for one in found], "J": [one.j for one in found], "F": [one.f for one in found]}
    return {f"DAVIS17_{key}": float(np.mean(values)) for key, values in means.items()}


def _youtube_statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    return {f"YTVOS_{key}": found for key, found in quantities.components(scores).items()}


def _davis_statistics(scores: Mapping[int, pd.DataFrame]) -> Mapping[str, Totals]:
    """Annotators have the same objects, so that the mean over all is the mean of theirs."""
    return {f"DAVIS17_{key}": found for key, found in quantities.components(scores).items()}
