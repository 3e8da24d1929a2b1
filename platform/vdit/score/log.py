"""`vdit score --log METHOD`: a method that was not trained here, recorded so that the tables of a study give it a row (docs/scoring.md)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from vdit.config.code import code_digest
from vdit.config.manifest import folder_digest
from vdit.record import scores
from vdit.score.result import Result
from vdit.track.entry import Measurement, MethodRecord
from vdit.track.flatten import leaves

# What the numbers depend on beside the masks.
CODE = ("metrics", "record", "score")


@dataclass(frozen=True, slots=True)
class Scored:
    """A result with the folders or files that it was found in, and the kind of its rows."""

    protocol: str
    truth: Path
    predictions: Path
    kind: Literal["scores", "instances"]
    result: Result


def log(scored: Scored, method: str, seed: int, runs: Path, record: MethodRecord) -> Measurement:
    """Records what was scored under the method's name. The same masks scored again make no second run; other ones replace them in tables.

    `runs` keeps the manifests of what was hashed. Raises ValueError for a name that no study can list.
    """
    if not method.strip() or method != method.strip() or not method.isprintable():
        raise ValueError(f"{method!r} is no name of a method; give printable text without blanks around it, as in --log ReferFormer")
    measurement = Measurement(
        method=method,
        seed=seed,
        protocol=scored.protocol,
        rows=scored.kind,
        code=code_digest(CODE, runs / "manifests"),
        truth=content(scored.truth, runs / "manifests"),
        predictions=content(scored.predictions, runs / "manifests"),
    )
    with TemporaryDirectory(prefix="vdit-") as folder:
        files = Path(folder)
        _write(files / "config.json", {"key": measurement.key, **asdict(measurement)})
        _write(files / "result.json", {"key": measurement.key, "steps": 0, "metrics": flat(scored.result.numbers)})
        scores.write(files / f"{scored.kind}.parquet", scored.result.rows)
        record.measured(measurement, files)
    return measurement


def flat(numbers: Mapping[str, Any]) -> dict[str, float]:
    """The numbers by dotted name; what is text or a list, such as the values of every frame, is in the Parquet file."""
    return {name: value for name, value in leaves(dict(numbers)) if isinstance(value, int | float)}


def content(path: Path, manifests: Path) -> str:
    """SHA-256 of a file, or of all files of a folder (config/manifest.py)."""
    if path.is_dir():
        return folder_digest(path, manifests)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _write(path: Path, value: Mapping[str, object]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
