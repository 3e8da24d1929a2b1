"""A study's record as the analysis sees it: runs found by tag, their files parsed; and that of MLflow, from which nothing is written to."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from vdit.track.mlflow import EXPERIMENT, connect

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

SQLITE = "sqlite:///"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    run_id: str
    tags: Mapping[str, str]
    artifact_uri: str


class Record(Protocol):
    """Where runs and their files are: a tracking server, or a folder that was kept of one (kept.py)."""

    @property
    def uri(self) -> str: ...

    def search(self, tags: Mapping[str, str], finished: bool = False, newest_first: bool = False) -> list[RunRecord]:
        """Runs that bear all `tags`."""

    def parquet(self, run_id: str, name: str, owner: str) -> pd.DataFrame:
        """A Parquet file of a run. `owner` ends the error message of a missing or broken file: whose it is and what to do."""

    def document(self, run_id: str, name: str, owner: str) -> dict[str, Any]:
        """A JSON file of a run; `owner` as for `parquet`."""

    def names(self, run_id: str) -> frozenset[str]:
        """The run's files; none is read."""


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """One experiment of one tracking server. Files read are kept for the life of the object."""

    uri: str
    client: "MlflowClient"
    experiment_id: str
    files: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def open(cls, uri: str) -> "Tracked":
        """Raises ValueError when there is no database, no answer within 3 s, or no experiment of this project."""
        client, experiment = _open(uri)
        if experiment is None:
            raise ValueError(f"{uri} holds no experiment {EXPERIMENT!r}: nothing has been run against it; `vdit run STUDY` first")
        return cls(uri=uri, client=client, experiment_id=experiment.experiment_id)

    def search(self, tags: Mapping[str, str], finished: bool = False, newest_first: bool = False) -> list[RunRecord]:
        """All pages of them."""
        clauses = [f"tags.`{name}` = {_quoted(value)}" for name, value in tags.items()]
        if finished:
            clauses.append("attributes.status = 'FINISHED'")
        order = ["attributes.start_time DESC"] if newest_first else None
        found: list[RunRecord] = []
        token: str | None = None
        while True:
            page = self.client.search_runs([self.experiment_id], " and ".join(clauses), max_results=1000, order_by=order, page_token=token)
            found += [RunRecord(run_id=run.info.run_id, tags=dict(run.data.tags), artifact_uri=run.info.artifact_uri) for run in page]
            token = page.token
            if not token:
                return found

    def parquet(self, run_id: str, name: str, owner: str) -> pd.DataFrame:
        if (run_id, name) not in self.files:
            self.files[run_id, name] = self._read(run_id, name, owner)
        frame: pd.DataFrame = self.files[run_id, name]
        return frame

    def document(self, run_id: str, name: str, owner: str) -> dict[str, Any]:
        if (run_id, name) not in self.files:
            self.files[run_id, name] = self._read(run_id, name, owner)
        content: dict[str, Any] = self.files[run_id, name]
        return content

    def names(self, run_id: str) -> frozenset[str]:
        if (run_id, "") not in self.files:
            self.files[run_id, ""] = frozenset(entry.path for entry in self.client.list_artifacts(run_id))
        found: frozenset[str] = self.files[run_id, ""]
        return found

    def _read(self, run_id: str, name: str, owner: str) -> Any:
        from mlflow.exceptions import MlflowException

        with TemporaryDirectory(prefix="vdit-") as folder:
            try:
                path = Path(self.client.download_artifacts(run_id, name, folder))
            except (MlflowException, OSError) as error:
                raise ValueError(f"run {run_id} has no artifact {name} ({owner})") from error
            try:
                return json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else pd.read_parquet(path)
            except (ValueError, OSError) as error:
                raise ValueError(f"artifact {name} of run {run_id} is damaged: {error} ({owner})") from error


def _open(uri: str) -> "tuple[MlflowClient, Experiment | None]":
    """The client and the project's experiment. Raises ValueError where there is nothing to read: MLflow would make an empty database."""
    path = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and not path.is_file():
        raise ValueError(f"no record {path}: nothing has been run; `vdit run STUDY` first, or give --runs or --tracking-uri")
    # MLflow takes this from the environment only; by default it draws a bar per file.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = connect(uri)
        return client, client.get_experiment_by_name(EXPERIMENT)
    except (MlflowException, SQLAlchemyError) as error:
        raise ValueError(f"{uri} does not answer as an MLflow tracking server or database: {str(error).splitlines()[0]}") from error


def _quoted(value: str) -> str:
    """A string of MLflow's filter language, which knows no escapes but two kinds of quotes."""
    if "'" in value and '"' in value:
        raise ValueError(f"{value!r} has both kinds of quotes, which the tracking server's filters cannot express")
    return f'"{value}"' if "'" in value else f"'{value}'"
