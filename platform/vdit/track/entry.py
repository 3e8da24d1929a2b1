"""What the record is told of a trial, and the verbs every record has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A planned trial with everything its run is tagged with. `config` is the resolved configuration as nested mappings."""

    key: str
    arm: str
    seed: int
    levels: Mapping[str, Any]
    code: str
    data: str
    weights: str
    notice: str
    config: Mapping[str, Any]


class RecordLostError(ValueError):
    """The record does not answer any more. Results are safe in the trial folders, and are recorded when it is back."""


class Record(Protocol):
    """Everything here can be said twice: a result is recorded once per key, a step once per run."""

    def study(self, plan: Mapping[str, Any]) -> None:
        """Opens the study's run and stores its plan.json."""

    def start(self, entry: Entry) -> None:
        """Opens the trial's run, or goes on with the one its key already has."""

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        """Step metrics; each row names its `step`."""

    def finish(self, entry: Entry, folder: Path) -> None:
        """The trial is done: its files become artifacts and its result metrics."""

    def fail(self, key: str, reason: str) -> None:
        """The trial ended without a result."""

    def forget(self, key: str) -> None:
        """Removes the key's run."""
