"""A trial of a study, planned and finished; what is measured of a method has the same shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from vdit_analysis.record import Record, RunRecord

SUFFIX = ".parquet"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The trial that gives `arm` its value for `seed`, and to the arms `shared_with`, whose configurations are equal.

    `levels` are those of its axes. `code` is the digest of the code that computes it; where that is older and its result accepted
    (`vdit run --accept`), `accepted_for` is the study's, else "".
    """

    key: str
    arm: str
    seed: int
    levels: Mapping[str, object]
    shared_with: tuple[str, ...] = ()
    code: str = ""
    accepted_for: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """A finished trial. `arm` is this study's name for it: a shared trial may bear another in the study that ran it (`tags`).

    `accepted_for` as for what was planned.
    """

    key: str
    arm: str
    seed: int
    levels: Mapping[str, object]
    run_id: str
    tags: Mapping[str, str]
    artifact_uri: str
    accepted_for: str
    record: Record = field(repr=False, compare=False)

    @property
    def commit(self) -> str:
        """Twelve digits, with "+dirty" where the checkout differed from it; "unknown" outside a checkout."""
        digits, _, dirty = self.tags.get("mlflow.source.git.commit", "").partition("+")
        return f"{digits[:12]}+{dirty}" if dirty else digits[:12] or "unknown"

    @property
    def data(self) -> Mapping[str, Any]:
        """The section `data` of its resolved configuration; empty where config.json has none, as a method's has not."""
        found: Mapping[str, Any] = self.document("config").get("trial", {}).get("data", {})
        return found

    def frame(self, name: str) -> pd.DataFrame:
        """The rows of one of its Parquet files (record/scores.py), read once. Raises ValueError when the run has no such file."""
        return self.record.parquet(self.run_id, f"{name}{SUFFIX}", self._remedy())

    @property
    def frames(self) -> frozenset[str]:
        """What `frame` can read: the names of the run's Parquet files, of which a trial recorded by older code may lack some."""
        return frozenset(name.removesuffix(SUFFIX) for name in self.record.names(self.run_id) if name.endswith(SUFFIX))

    def document(self, name: str) -> dict[str, Any]:
        """The content of `name`.json ("config", "result", "environment"). Raises ValueError when the run has no such file."""
        return self.record.document(self.run_id, f"{name}.json", self._remedy())

    def _remedy(self) -> str:
        where = f"trial {self.arm!r}, seed {self.seed}"
        return f"{where}; `vdit forget` it and run the study again, or take the missing quantity out of the study's measure"


def finished(record: Record, entry: Planned, run: RunRecord) -> TrialRun:
    """The run of what was planned."""
    return TrialRun(
        key=entry.key,
        arm=entry.arm,
        seed=entry.seed,
        levels=entry.levels,
        run_id=run.run_id,
        tags=run.tags,
        artifact_uri=run.artifact_uri,
        accepted_for=entry.accepted_for,
        record=record,
    )
