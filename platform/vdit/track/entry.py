"""What the record is told of a trial, and the verbs every record has."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from vdit.config.canonical import digest


@dataclass(frozen=True, slots=True)
class Entry:
    """A planned trial, or a stage of a pretraining, with everything its run is tagged with.

    `config` is the resolved configuration as nested mappings.
    """

    key: str
    arm: str
    seed: int
    levels: Mapping[str, Any]
    code: str
    data: str
    weights: str
    notice: str
    config: Mapping[str, Any]
    kind: Literal["trial", "stage"] = "trial"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What `vdit score` measured of a method that was not trained here. `code`, `truth` and `predictions` are digests.

    `protocol` is the rule that scored it; `rows` names its Parquet file, "scores" or "instances". A seed is a replicate: of one method and
    seed the newest measurement counts.
    """

    method: str
    seed: int
    protocol: str
    rows: str
    code: str
    truth: str
    predictions: str

    @property
    def key(self) -> str:
        """The same measurement has the same key, so that it is recorded once; a trial never has it."""
        return digest(asdict(self))


def history(folder: Path) -> list[Mapping[str, float]]:
    """The steps of a trial's metrics.jsonl, none where there is no such file; its last line may be in the middle of being written."""
    path = folder / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}\n")]


class RecordLostError(ValueError):
    """The record does not answer any more. Results are safe in the trial folders, and are recorded when it is back."""


class Record(Protocol):
    """What a running study says. Everything here can be said twice: a result is recorded once per key, a step once per run."""

    def start(self, entry: Entry) -> None:
        """Opens the trial's run, or goes on with the one its key already has."""

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        """Step metrics; each row names its `step`."""

    def finish(self, entry: Entry, folder: Path) -> None:
        """The trial is done: its files become artifacts and its result metrics."""

    def fail(self, key: str, reason: str) -> None:
        """The trial ended without a result."""


class MethodRecord(Protocol):
    """What `vdit score --log` says, as often as it likes."""

    def measured(self, measurement: Measurement, folder: Path) -> None:
        """Records a method's files and the numbers of its result.json in a run of its own."""
