"""The record of every study in MLflow: a study run, below it a run per trial, found again by trial key (interface.md, Files).

Only drivers write.
"""

import json
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlparse

from vdit.track.entry import Entry, Measurement, RecordLostError, history
from vdit.track.environment import commit, describe
from vdit.track.experiment import SQLITE, alone, find, make
from vdit.track.flatten import leaves

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

P = ParamSpec("P")
R = TypeVar("R")
EXPERIMENT = "vdit"
ARTIFACTS = (
    "config.json",
    "result.json",
    "scores.parquet",
    "shuffled.parquet",
    "closest.parquet",
    "light.parquet",
    "instances.parquet",
    "drift.parquet",
    "clusters.parquet",
    "log.txt",
)
PROBE_SECONDS = 3.0
PARAMS_PER_BATCH = 100
METRICS_PER_BATCH = 1000
PARAM_LENGTH = 6000
NOT_IN_NAMES = re.compile(r"[^\w ./-]")


def probe(uri: str) -> None:
    """Raises RecordLostError within three seconds where a tracking server does not answer; files and databases need no probe."""
    address = urlparse(uri)
    if address.scheme not in ("http", "https"):
        return
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=PROBE_SECONDS).close()
    except OSError as error:
        raise RecordLostError(
            f"tracking server {uri} does not answer ({error}); start it (make dashboard) or leave out --tracking-uri"
        ) from error


def default_database(runs: Path) -> Path:
    return runs.resolve() / "mlflow.db"


def default_uri(runs: Path) -> str:
    return f"sqlite:///{default_database(runs)}"


def connect(uri: str) -> "MlflowClient":
    """A client that gives up within seconds, not minutes, when its server goes away."""
    probe(uri)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow.tracking import MlflowClient

    # A new database announces each of its forty migrations.
    for chatty in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def key_of(run: str, uri: str) -> str:
    """The trial key of a run, by the run's id; "" where there is no such run, or it is not a trial's."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    try:
        tags = connect(uri).get_run(run).data.tags
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return ""
        raise RecordLostError(f"{uri} failed: {error}") from error
    return str(tags["vdit.key"]) if tags.get("vdit.kind") == "trial" else ""


def batches(rows: Sequence[Mapping[str, float]]) -> Iterator[Sequence[Mapping[str, float]]]:
    """Whole steps, as many as a batch takes: a server that goes away in between has all of a step or nothing."""
    size = max(1, METRICS_PER_BATCH // max((len(row) for row in rows), default=1))
    return (rows[first : first + size] for first in range(0, len(rows), size))


def answered(method: Callable[Concatenate["MLflow", P], R]) -> Callable[Concatenate["MLflow", P], R]:
    """Turns what MLflow raises when its database or server fails into RecordLostError."""

    @wraps(method)
    def call(self: "MLflow", /, *arguments: P.args, **named: P.kwargs) -> R:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return method(self, *arguments, **named)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            # What carries artifacts to a server raises the network's own errors.
            what = str(error).strip().splitlines()[0]
            raise RecordLostError(f"{self.uri} failed: {what}; results stay in the runs folder, the next vdit run records them") from error

    return call


class MLflow:
    """`uri` is a database or a server; `runs` holds the artifacts where the record is a local database."""

    def __init__(self, uri: str, runs: Path) -> None:
        if uri.startswith(SQLITE):
            Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        self.uri, self.runs = uri, runs
        self.parent = ""
        self.name = ""
        self.open: dict[str, str] = {}
        # The steps that a run has.
        self.logged: dict[str, set[int]] = {}
        self.connect()

    @answered
    def connect(self) -> None:
        """Finds the experiment, or makes it."""
        with alone(self.uri):
            self.client = connect(self.uri)
            place = (self.runs.resolve() / "artifacts").as_uri() if self.uri.startswith(SQLITE) else None
            self.experiment = find(self.client, EXPERIMENT) or make(self.client, EXPERIMENT, place)

    def find(self, key: str) -> "Run | None":
        """The trial's run, whichever study made it.

        A server that went away after it made the run and before it said so was asked again: the first of its runs is kept.
        """
        first, *others = self.client.search_runs([self.experiment], f"tags.`vdit.key` = '{key}'", order_by=["attributes.start_time"]) or [
            None
        ]
        for other in others:
            if other is not None:
                self.client.delete_run(other.info.run_id)
        return first

    @answered
    def finished(self) -> set[str]:
        """Keys of all trials whose run is complete."""
        query, token, keys = "tags.`vdit.kind` = 'trial' and attributes.status = 'FINISHED'", None, set()
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=1000, page_token=token)
            keys |= {run.data.tags["vdit.key"] for run in page}
            token = page.token
            if not token:
                return keys

    @answered
    def study(self, plan: Mapping[str, Any]) -> None:
        """Opens the run that those of trials, or of the stages of a pretraining (`kind` "pretrain"), lie below."""
        self.name, kind = str(plan["study"]), str(plan.get("kind", "study"))
        found = self.client.search_runs(
            [self.experiment], f"tags.`vdit.kind` = '{kind}' and tags.`vdit.study` = '{self.name}'", max_results=1
        )
        tags = {"vdit.kind": kind, "vdit.study": self.name, "mlflow.note.content": str(plan.get("notice", ""))}
        run = found[0] if found else self.client.create_run(self.experiment, run_name=self.name, tags=tags)
        self.parent = run.info.run_id
        if found:
            self.client.update_run(self.parent, status="RUNNING")
        self.client.log_dict(self.parent, dict(plan), "plan.json")

    @answered
    def note(self, name: str, value: str) -> None:
        """Tags the study's run."""
        self.client.set_tag(self.parent, name, value)

    @answered
    def close(self, status: str) -> None:
        """Ends the study's run as FINISHED, FAILED or KILLED."""
        if self.parent:
            self.client.set_terminated(self.parent, status=status)

    @answered
    def start(self, entry: Entry) -> None:
        known = self.find(entry.key)
        if known:
            self.open[entry.key] = known.info.run_id
            losses = self.client.get_metric_history(known.info.run_id, "loss")
            self.logged[entry.key] = {metric.step for metric in losses}
            self.client.update_run(known.info.run_id, status="RUNNING")
            if "vdit.reason" in known.data.tags:
                self.client.delete_tag(known.info.run_id, "vdit.reason")
            # The server may have gone away between the run and its parameters.
            self.params(known, entry.config)
            return
        tags = {
            "vdit.kind": entry.kind, "vdit.study": self.name, "vdit.key": entry.key, "vdit.arm": entry.arm, "vdit.seed": str(entry.seed),
            "vdit.code": entry.code, "vdit.data": entry.data, "vdit.weights": entry.weights, "vdit.notice": entry.notice,
            "mlflow.parentRunId": self.parent, "mlflow.source.git.commit": commit(Path(__file__).parent),
            **{f"vdit.axis.{axis}": json.dumps(level) if not isinstance(level, str) else level for axis, level in entry.levels.items()},
        }  # fmt: skip
        run = self.client.create_run(self.experiment, run_name=f"{entry.arm}, seed {entry.seed}", tags=tags)
        self.open[entry.key] = run.info.run_id
        self.params(run, entry.config)

    def params(self, run: "Run", config: Mapping[str, Any]) -> None:
        """Those that the run lacks: MLflow refuses to change one."""
        from mlflow.entities import Param

        there = run.data.params
        params = [Param(name, str(value)[:PARAM_LENGTH]) for name, value in leaves(dict(config)) if name not in there]
        for first in range(0, len(params), PARAMS_PER_BATCH):
            self.client.log_batch(run.info.run_id, params=params[first : first + PARAMS_PER_BATCH])

    @answered
    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        from mlflow.entities import Metric

        # A resumed trial repeats the steps behind its last checkpoint, with the same values: they are recorded already. Those before it may
        # be missing, where a driver died before it told of them.
        there = self.logged.setdefault(key, set())
        new = {int(row["step"]): row for row in rows if int(row["step"]) not in there}
        for batch in batches(list(new.values())):
            metrics = [
                Metric(name, float(value), int(row["time"] * 1000), int(row["step"]))
                for row in batch
                for name, value in row.items()
                if name not in ("step", "time")
            ]
            self.client.log_batch(self.open[key], metrics=metrics)
        there.update(new)

    @answered
    def finish(self, entry: Entry, folder: Path) -> None:
        self.start(entry)
        self.log(entry.key, history(folder))
        self.conclude(self.open[entry.key], folder)
        del self.logged[entry.key]

    @answered
    def measured(self, measurement: Measurement, folder: Path) -> None:
        tags = {
            "vdit.kind": "method", "vdit.key": measurement.key, "vdit.arm": measurement.method, "vdit.seed": str(measurement.seed),
            "vdit.protocol": measurement.protocol, "vdit.rows": measurement.rows, "vdit.code": measurement.code,
            "vdit.data": measurement.truth, "vdit.predictions": measurement.predictions,
            "mlflow.source.git.commit": commit(Path(__file__).parent),
        }  # fmt: skip
        known = self.find(measurement.key)
        name = f"{measurement.method}, seed {measurement.seed}, scored"
        self.conclude(self.client.create_run(self.experiment, run_name=name, tags=tags).info.run_id, folder)
        if known:
            # What is measured again is the newest once more.
            self.client.delete_run(known.info.run_id)

    def conclude(self, run: str, folder: Path) -> None:
        """Numbers, files and environment of what is finished. MLflow takes few characters in a number's name; result.json has all."""
        from mlflow.entities import Metric

        path = folder / "result.json"
        result = json.loads(path.read_text())
        # The file's own time: said again, it is the same point.
        when, step = int(path.stat().st_mtime * 1000), int(result["steps"])
        metrics = [Metric(NOT_IN_NAMES.sub("_", name), float(value), when, step) for name, value in result["metrics"].items()]
        for first in range(0, len(metrics), METRICS_PER_BATCH):
            self.client.log_batch(run, metrics=metrics[first : first + METRICS_PER_BATCH])
        for name in ARTIFACTS:
            if (folder / name).exists():
                self.client.log_artifact(run, str(folder / name))
        self.client.log_dict(run, describe(), "environment.json")
        self.client.set_terminated(run, status="FINISHED")

    @answered
    def fail(self, key: str, reason: str) -> None:
        self.end(key, reason, "FAILED")

    @answered
    def skip(self, key: str, reason: str) -> None:
        self.end(key, reason, "KILLED")

    def end(self, key: str, reason: str, status: str) -> None:
        run = self.open[key]
        self.client.set_tag(run, "vdit.reason", reason[:PARAM_LENGTH])
        self.client.set_terminated(run, status=status)

    @answered
    def forget(self, key: str) -> None:
        known = self.find(key)
        if known:
            self.client.delete_run(known.info.run_id)
