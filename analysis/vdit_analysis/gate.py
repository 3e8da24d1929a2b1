"""What the backbone of a study supports: the gate's table that lies beside the frozen weights which its trials read."""

from collections.abc import Iterator
from pathlib import Path

from vdit.config import shipped
from vdit.pretrain.gate import table
from vdit.pretrain.gate.table import Gate
from vdit_analysis.runs import StudyRuns


def found(runs: StudyRuns) -> tuple[Gate, ...]:
    """One for each weights folder of the finished trials that still has one of those very weights; none where they were drawn at random.

    A folder may hold others by now, and an arm may read others beside them, which the gate was not asked of: a table counts where its
    digest is that of the trial's weights. Raises ValueError naming a gate.json that is damaged.
    """
    tables = {(folder, digest): table.read(folder / table.JSON) for folder, digest in _places(runs) if (folder / table.JSON).is_file()}
    return tuple({folder: gate for (folder, digest), gate in tables.items() if gate.about["digest"] == digest}.values())


def _places(runs: StudyRuns) -> Iterator[tuple[Path, str]]:
    """Where each trial's weights were, and their digest."""
    for trial in runs.trials.values():
        config = trial.document("config")
        weights = config["trial"]["launch"]["weights"]
        # A checkpoint that came with another version may not be in this one.
        if weights and shipped.installed(weights):
            yield shipped.located(weights), config["weights"]
