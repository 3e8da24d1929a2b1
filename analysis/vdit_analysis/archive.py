"""What is kept of a study when its runs are not: its plan, the rows behind its numbers, a Parquet file a quantity, and what each run says
of itself. Tables and report can be made of it again, to the byte (kept.py)."""

import io
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from vdit.config import shipped
from vdit.pretrain.gate import table
from vdit.study.spec import Measure
from vdit_analysis import gate
from vdit_analysis.kept import FILE, FORMAT
from vdit_analysis.outputs import write_atomically
from vdit_analysis.runs import StudyRuns
from vdit_analysis.trial import TrialRun

COMMIT = "mlflow.source.git.commit"


def write(runs: StudyRuns, folder: Path) -> tuple[Path, ...]:
    """Writes the files that trials of the study have, over all its finished trials, and record.json; returns their paths.

    A trial that other studies share has rows of what they measure too; a file of a quantity that this one does not measure is left out.
    """
    elsewhere = set(get_args(Measure)) - set(runs.measure)
    names = sorted({name for trial in measured(runs) for name in trial.frames} - elsewhere)
    written = [_write(gathered(runs, name), folder / f"{name}.parquet") for name in names]
    content = record(runs, {path.name: sha256(path.read_bytes()).hexdigest() for path in written})
    return (*written, write_atomically(folder / FILE, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()))


def measured(runs: StudyRuns) -> tuple[TrialRun, ...]:
    """Finished trials, and what was logged of the study's methods."""
    return (*runs.trials.values(), *(logged for method in runs.methods.values() for logged in method.logged))


def gathered(runs: StudyRuns, name: str) -> pd.DataFrame:
    """The rows of one file of every trial that has it; a trial that two arms share is there under either."""
    there = [trial for trial in measured(runs) if name in trial.frames]
    for trial in there:
        odd = {str(column) for column in set(trial.frame(name)) ^ set(there[0].frame(name))}
        if odd:
            whose = f"{name}.parquet of {trial.arm!r}, seed {trial.seed}"
            raise ValueError(f"{whose} differs in columns ({', '.join(sorted(odd))}); `vdit forget` it and run it again")
    return pd.concat([trial.frame(name).assign(arm=trial.arm, seed=trial.seed, run=trial.run_id) for trial in there], ignore_index=True)


def record(runs: StudyRuns, digests: Mapping[str, str]) -> dict[str, Any]:
    """What record.json holds, `digests` those of the Parquet files: of every run its tags, its documents, and which files have its rows."""
    study = {"tags": {"vdit.kind": "study", "vdit.study": runs.study}, "documents": {"plan.json": runs.plan}, "files": []}
    own = {trial.run_id: _run(trial, digests) for trial in measured(runs)}
    gates = {found.about["digest"]: json.loads(table.as_json(found)) for found in gate.found(runs)}
    return {"format": FORMAT, "study": runs.study, "sha256": dict(digests), "gates": gates, "runs": {runs.run_id: study, **own}}


def _run(trial: TrialRun, digests: Mapping[str, str]) -> dict[str, Any]:
    names = trial.record.names(trial.run_id)
    documents = {
        name: trial.document(name.removesuffix(".json")) for name in sorted(names) if name.endswith(".json") and name != table.JSON
    }
    if "config.json" in documents:
        documents["config.json"] = portable(documents["config.json"])
    tags = {name: value for name, value in trial.tags.items() if name.startswith("vdit.") or name == COMMIT}
    return {"tags": tags, "documents": documents, "files": [name for name in digests if name in names]}


def portable(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without places on the machine that ran it, which mean nothing elsewhere; what was there is known by its digest."""
    trial = config.get("trial", {})
    weights = trial.get("launch", {}).get("weights", "")
    return {**config, "trial": {**trial, "launch": {"weights": weights if weights.startswith(shipped.PREFIX) else ""}}}


def _write(rows: pd.DataFrame, path: Path) -> Path:
    content = io.BytesIO()
    rows.to_parquet(content, index=False, compression="zstd")
    return write_atomically(path, content.getvalue())
