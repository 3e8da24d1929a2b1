"""What the backbone of a study supports: the gate's table that lies beside the frozen weights which its trials read."""

from collections.abc import Iterator
from pathlib import Path

from vdit.config import shipped
from vdit.pretrain.gate import table
from vdit.pretrain.gate.table import Gate
from vdit_analysis.runs import StudyRuns


def found(runs: StudyRuns) -> tuple[Gate, ...]:
    """Those of the weights folders of the finished trials that still have one of those very weights; none where they were drawn at random.

    A folder may hold others by now, and an arm may read others beside them, which the gate was not asked of: a table counts where its
    digest is that of the trial's weights. Raises ValueError naming a gate.json that is damaged.
    """
    return tuple({table.as_json(gate): gate for gate in _beside(runs)}.values())


def _beside(runs: StudyRuns) -> Iterator[Gate]:
    """Of each trial, where it has one: in the folder of its weights, or with the record, where that was kept."""
    read: dict[Path, Gate] = {}
    for trial in runs.trials.values():
        config = trial.document("config")
        weights = config["trial"]["launch"]["weights"]
        if table.JSON in trial.record.names(trial.run_id):
            yield table.of(trial.document(table.JSON.removesuffix(".json")))
        # A checkpoint that came with another version may not be in this one.
        elif weights and shipped.installed(weights) and (path := shipped.located(weights) / table.JSON).is_file():
            read[path] = read[path] if path in read else table.read(path)
            if read[path].about["digest"] == config["weights"]:
                yield read[path]
