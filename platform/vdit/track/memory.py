"""A record kept in memory, with the same verbs as MLflow's: for tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vdit.track.entry import Entry, Measurement


class Memory:
    """Keeps what it was told, by trial key."""

    def __init__(self) -> None:
        self.plans: list[Mapping[str, Any]] = []
        self.rows: dict[str, dict[int, Mapping[str, float]]] = {}
        self.finished: dict[str, Path] = {}
        self.failed: dict[str, str] = {}
        self.skipped: dict[str, str] = {}

    def study(self, plan: Mapping[str, Any]) -> None:
        self.plans.append(plan)

    def start(self, entry: Entry) -> None:
        self.rows.setdefault(entry.key, {})

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        self.rows[key].update({int(row["step"]): row for row in rows})

    def finish(self, entry: Entry, folder: Path) -> None:
        self.finished[entry.key] = folder

    def fail(self, key: str, reason: str) -> None:
        self.failed[key] = reason

    def skip(self, key: str, reason: str) -> None:
        self.skipped[key] = reason

    def forget(self, key: str) -> None:
        self.finished.pop(key, None)
        self.rows.pop(key, None)

    def measured(self, measurement: Measurement, folder: Path) -> None:
        self.finished[measurement.key] = folder
