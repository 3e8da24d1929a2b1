"""The one experiment of MLflow that holds everything: found, or made once, however many drivers start at the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vdit.lock import locked

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SQLITE = "sqlite:///"
OPEN_SECONDS = 120.0  # that a driver waits for another one which makes the tables: some seconds' work


@contextmanager
def alone(uri: str, patience: float = OPEN_SECONDS) -> Iterator[None]:
    """One process at a time opens a database file, since MLflow makes its tables without a lock; servers see to that themselves.

    The lock goes with its process; the file that carries it, beside the database, stays. Raises TimeoutError where another one holds it
    for longer than `patience` seconds.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    database = Path(uri.removeprefix(SQLITE))
    with database.with_name(f"{database.name}.lock").open("a") as file:
        if not locked(file.fileno(), patience):
            raise TimeoutError(f"another process has been opening {database} for {patience:g} s; end it, or wait for it")
        yield


def find(client: "MlflowClient", name: str) -> str:
    """The experiment's id; "" where there is none."""
    known = client.get_experiment_by_name(name)
    return str(known.experiment_id) if known else ""


def make(client: "MlflowClient", name: str, place: str | None) -> str:
    """The id of a new experiment whose artifacts lie at `place`, or of the one that another driver has made at the same moment."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    try:
        return str(client.create_experiment(name, artifact_location=place))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
        return find(client, name)
