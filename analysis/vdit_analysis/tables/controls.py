"""Controls of Table 3, which the paper lacks: each arm's J&F minus that on random features, and minus that under another object's words.

Beside them the J&F of the query that comes closest to the truth, were it chosen: what a head finds and does not say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from vdit.config.identity import CONTROL
from vdit.metrics import components
from vdit.registry import members
from vdit_analysis import certainty, quantities
from vdit_analysis.build import Part, measured
from vdit_analysis.published import Published
from vdit_analysis.runs import StudyRuns
from vdit_analysis.table import Cell, Column, Row, Source, Table
from vdit_analysis.tables import table3_components
from vdit_analysis.trial import TrialRun

MEASURE = table3_components.MEASURE
TITLE = "Controls: random features, shuffled expressions"
SOURCE = "Not in VD-IT (ECCV 2024). J&F as in its Table 3."
# Read and not shown: the paper has no controls.
PUBLISHED = table3_components.PUBLISHED
JF, CLOSEST, MINUS_CONTROL, MINUS_SHUFFLED = COLUMNS = (
    replace(table3_components.COLUMNS[0], published=""),
    replace(table3_components.COLUMNS[0], published="", key="closest", title="closest query", latex="closest query"),
    *(
        Column(
            key=key,
            title=title,
            latex=title,
            published="",
            better="higher",
            unit="percentage points of J&F",
            decimals=1,
            undefined=undefined,
            difference=True,
        )
        for key, title, undefined in (
            ("control", "minus control", table3_components.UNDEFINED),
            ("shuffled", "right minus shuffled", "No video has expressions of two objects."),
        )
    ),
)
SHUFFLED = (
    "Right minus shuffled: J&F of each expression's truth and masks, minus that of its truth and the masks under the words of another "
    "object of the video; a video with expressions of one object is left out."
)
MET = "Met: the interval lies above 0; not corrected for the number of comparisons."
CLOSE = (
    "Closest query: J&F of the query whose masks come closest to the truth, in each window of a video. It lies above J&F where the head "
    "finds what is meant and chooses something else, and in part because the truth itself chooses, as an arm on random features shows."
)
OLDER = {
    "shuffled": "Recorded before masks were scored under another object's words",
    "closest": "Recorded before the closest query's masks were scored",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A trial's rows, and those that they are compared with, which are in a file of a trial's run."""

    trial: TrialRun
    rows: pd.DataFrame
    other: TrialRun
    file: str
    against: pd.DataFrame

    @property
    def source(self) -> Source:
        """J&F minus J&F, NaN without rows."""
        ours, theirs = ((components.measure(rows).jf if len(rows) else float("nan")) for rows in (self.rows, self.against))
        return Source(value=ours - theirs, trial=self.trial, file="scores.parquet", beside=((self.other, f"{self.file}.parquet"),))


def build(runs: StudyRuns, published: Published) -> Table:
    part = Part(
        columns=(JF,),
        measure=lambda scores: {"JF": components.measure(scores).jf},
        statistics=lambda scores: {"JF": quantities.components(scores)["JF"]},
    )
    # Differences to the reference arm are Table 3's, and a method that was not trained here has no control.
    rows = tuple(_row(runs, row) for row in measured(runs, (part,), {}) if row.name in runs.arms)
    return Table(
        name="controls",
        title=TITLE,
        source=SOURCE,
        marks=(),
        columns=COLUMNS,
        rows=rows,
        reference=runs.reference,
        notice=runs.notice,
        notes=tuple(_notes(runs, rows)),
    )


def control_of(runs: StudyRuns, arm: str) -> str:
    """The arm on random weights that is most like this one: first in the backbone's architecture, then in its other levels.

    "" where there is none, for such an arm itself, and where every arm is on random weights.
    """
    controls = [name for name in runs.arms if runs.is_control(name) and not runs.untrained]
    if arm in controls or not controls:
        return ""
    levels = runs.levels(arm)

    def likeness(control: str) -> tuple[bool, int]:
        theirs = runs.levels(control)
        return same_architecture(runs, arm, control), sum(theirs.get(axis) == level for axis, level in levels.items())

    return max(controls, key=likeness)


def same_architecture(runs: StudyRuns, arm: str, control: str) -> bool:
    """Whether the control's backbone is the arm's with random weights. An arm that leaves it to its preset has the paper's."""
    own = f"{CONTROL}-{runs.levels(arm).get('backbone', '')}"
    return runs.levels(control)["backbone"] == (own if own.replace("-", "_") in members("backbones") else CONTROL)


def _row(runs: StudyRuns, row: Row) -> Row:
    own = replace(row.cells[0], comparison=None)
    return replace(row, cells=(own, _closest(runs, row.name), _minus_control(runs, row.name), _minus_shuffled(runs, row.name)))


def _closest(runs: StudyRuns, arm: str) -> Cell:
    if _older(runs, arm, "closest"):
        return _unrecorded(runs, "closest")
    frames = {trial.seed: trial.frame("closest") for trial in runs.of(arm)}
    sources = tuple(Source(value=components.measure(frames[trial.seed]).jf, trial=trial, file="closest.parquet") for trial in runs.of(arm))
    cell = Cell(sources=sources, planned=len(runs.planned_of(arm)), published=None, why="")
    if cell.state != "measured":
        return replace(cell, why="; ".join(runs.refusals(arm)))
    return certainty.of([cell], [CLOSEST], lambda rows: {CLOSEST.key: quantities.components(rows)["JF"]}, frames, {})[0]


def _minus_control(runs: StudyRuns, arm: str) -> Cell:
    control = control_of(runs, arm)
    if not control:
        return _nothing()
    others = {trial.seed: trial for trial in runs.of(control)}
    pairs = [
        Pair(trial=trial, rows=trial.frame("scores"), other=others[trial.seed], file="scores", against=others[trial.seed].frame("scores"))
        for trial in runs.of(arm)
        if trial.seed in others
    ]
    lacking = any(entry.seed not in others for entry in runs.planned_of(arm))
    refusals = runs.refusals(arm) or runs.refusals(control)
    why = "; ".join(refusals) or (f"A seed of the control {control} has not finished." if lacking else "")
    return _cell(pairs, MINUS_CONTROL, len(runs.planned_of(arm)), why)


def _minus_shuffled(runs: StudyRuns, arm: str) -> Cell:
    if _older(runs, arm, "shuffled"):
        return _unrecorded(runs, "shuffled")
    pairs = [_under_other_words(trial) for trial in runs.of(arm)]
    return _cell(pairs, MINUS_SHUFFLED, len(runs.planned_of(arm)), "; ".join(runs.refusals(arm)))


def _older(runs: StudyRuns, arm: str, file: str) -> bool:
    """Whether a trial of the arm was recorded without this file."""
    return not all(file in trial.frames for trial in runs.of(arm))


def _unrecorded(runs: StudyRuns, file: str) -> Cell:
    """A column without any number is said below the table."""
    every = all(_older(runs, name, file) for name in runs.arms if runs.of(name))
    return _nothing("" if every else f"{OLDER[file]}.")


def _under_other_words(trial: TrialRun) -> Pair:
    """Expressions that have no other are left out on both sides."""
    scores, shuffled = trial.frame("scores"), trial.frame("shuffled")
    own, other = (pd.MultiIndex.from_frame(rows[["video", "expression"]]) for rows in (scores, shuffled))
    return Pair(trial=trial, rows=scores[own.isin(other)], other=trial, file="shuffled", against=shuffled)


def _cell(pairs: Sequence[Pair], column: Column, planned: int, why: str) -> Cell:
    cell = Cell(sources=tuple(pair.source for pair in pairs), planned=planned, published=None, why="")
    if cell.state != "measured":
        return replace(cell, why=column.undefined if cell.state == "undefined" else why)
    ours = quantities.components({pair.trial.seed: pair.rows for pair in pairs})["JF"]
    theirs = quantities.components({pair.trial.seed: pair.against for pair in pairs})["JF"]
    interval, unpaired = certainty.difference(ours, theirs)
    return _nothing(unpaired) if unpaired else replace(cell, interval=interval)


def _nothing(why: str = "") -> Cell:
    return Cell(sources=(), planned=0, published=None, why=why)


def _notes(runs: StudyRuns, rows: tuple[Row, ...]) -> Iterator[str]:
    """What each difference is, and why a column is not there."""
    controls = {row.name: control for row in rows if (control := control_of(runs, row.name))}
    names = list(dict.fromkeys(controls.values()))
    for name in names:
        # Names of arms may hold commas.
        arms = f"{'; '.join(arm for arm, control in controls.items() if control == name)} minus " if len(names) > 1 else ""
        yield f"Minus control: {arms}{name}, on random weights, paired by video and seed."
    if unlike := [arm for arm, control in controls.items() if not same_architecture(runs, arm, control)]:
        yield f"No random weights of their own architecture: {'; '.join(unlike)}."
    if not names:
        lacks = (
            "every backbone of this study has random weights"
            if runs.untrained
            else "this study has no arm of random features to compare with"
        )
        yield f"Minus control: not there; {lacks}."
    for column, said in ((MINUS_SHUFFLED, SHUFFLED), (CLOSEST, CLOSE)):
        if any(row.cells[COLUMNS.index(column)].planned for row in rows):
            yield said
        else:
            yield f"{column.title.capitalize()}: not there. {OLDER[column.key]}; trials that are run again have it."
    differences = [index for index, column in enumerate(COLUMNS) if column.difference]
    if any(row.cells[index].met is not None for row in rows for index in differences):
        yield MET
