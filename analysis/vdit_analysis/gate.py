"""What the backbone of a study supports: the gate's table that lies beside the frozen weights which its trials read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vdit.config import shipped
from vdit.pretrain.gate import table
from vdit.pretrain.gate.table import Gate
from vdit_analysis.runs import StudyRuns


def found(runs: StudyRuns) -> tuple[Gate, ...]:
    """One for each weights folder of the finished trials that still has one; none where weights were drawn at random.

    Raises ValueError naming a gate.json that is damaged.
    """
    folders = dict.fromkeys(_folders(runs))
    return tuple(table.read(folder / table.JSON) for folder in folders if (folder / table.JSON).is_file())


def parts(gate: Gate) -> list[dict[str, Any]]:
    """Question by question: whether it is met, and what was measured, as text."""
    return [
        {
            "letter": letter,
            "question": question,
            "outcome": table.outcome(gate.verdicts.get(letter)),
            "rows": [
                (row.says, table.shown(row), table.ends(row), row.bound, table.outcome(row.passed))
                for row in gate.rows
                if row.row == letter
            ],
        }
        for letter, question in table.QUESTIONS.items()
        if any(row.row == letter for row in gate.rows)
    ]


def _folders(runs: StudyRuns) -> Iterator[Path]:
    for trial in runs.trials.values():
        weights = trial.document("config").get("trial", {}).get("launch", {}).get("weights", "")
        # A checkpoint that came with another version may not be in this one.
        if weights and (not weights.startswith(shipped.PREFIX) or (shipped.ROOT / weights.removeprefix(shipped.PREFIX)).is_dir()):
            yield shipped.located(weights)
