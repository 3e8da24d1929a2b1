"""A study's record without a server: the folder that `vdit report --to` leaves (archive.py writes it), read as MLflow's would be."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from vdit.pretrain.gate import table
from vdit_analysis.record import RunRecord

FILE = "record.json"
FORMAT = 1
# What a row of a kept file has beside the trial's own columns.
OWNERS = ("arm", "seed", "run")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`runs` are finished, the study's first, and `content` is that of the file `record.json`. Parquet files are read once."""

    folder: Path
    runs: tuple[RunRecord, ...]
    content: Mapping[str, Any]
    files: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: Path) -> "Kept":
        """Raises ValueError where record.json is not there, damaged or of another format."""
        path = folder / FILE
        if not path.is_file():
            raise ValueError(f"{folder} holds no {FILE}; give a folder of `vdit report STUDY --to`, or an MLflow server or database")
        try:
            content = json.loads(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: {error}; fetch the folder again") from error
        if content.get("format") != FORMAT:
            raise ValueError(f"{path} has format {content.get('format')!r}, this version reads {FORMAT}")
        runs = (RunRecord(run_id=run_id, tags=run["tags"], artifact_uri=str(folder)) for run_id, run in content["runs"].items())
        return cls(folder=folder, runs=tuple(runs), content=content)

    @property
    def uri(self) -> str:
        return str(self.folder)

    def search(self, tags: Mapping[str, str], finished: bool = False, newest_first: bool = False) -> list[RunRecord]:
        """Of each key one run is kept, which is finished, so that neither of the two choices is left."""
        return [run for run in self.runs if all(run.tags.get(name) == value for name, value in tags.items())]

    def names(self, run_id: str) -> frozenset[str]:
        run = self.content["runs"][run_id]
        return frozenset((*self._documents(run_id), *run["files"]))

    def document(self, run_id: str, name: str, owner: str) -> dict[str, Any]:
        documents = self._documents(run_id)
        if name not in documents:
            raise ValueError(f"{self.folder / FILE} has no {name} of run {run_id} ({owner})")
        return documents[name]

    def parquet(self, run_id: str, name: str, owner: str) -> pd.DataFrame:
        if name not in self.content["runs"][run_id]["files"]:
            raise ValueError(f"{self.folder} keeps no {name} of run {run_id} ({owner})")
        rows = self._whole(name)
        own = rows[rows["run"] == run_id]
        # A trial that arms share is there under each of them.
        return own[own["arm"] == own["arm"].head(1).squeeze()].drop(columns=list(OWNERS)).reset_index(drop=True)

    def _documents(self, run_id: str) -> Mapping[str, dict[str, Any]]:
        """Its own, and the gate's table of its weights, which runs share."""
        own: Mapping[str, dict[str, Any]] = self.content["runs"][run_id]["documents"]
        gate = self.content["gates"].get(own.get("config.json", {}).get("weights"))
        return {**own, table.JSON: gate} if gate else own

    def _whole(self, name: str) -> pd.DataFrame:
        if name not in self.files:
            path = self.folder / name
            found = sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
            if found != self.content["sha256"][name]:
                raise ValueError(f"{path} is not what {FILE} says it is (SHA-256 {self.content['sha256'][name]}); fetch the folder again")
            self.files[name] = pd.read_parquet(path)
        return self.files[name]
