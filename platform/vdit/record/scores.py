"""Rows and Parquet files of a trial: scores, shuffled, closest, light, instances, drift, clusters; all tables and figures are of them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vdit.appearing import appearing
from vdit.metrics import contour, region
from vdit.video import Masks

Kind: TypeAlias = Literal["scores", "shuffled", "closest", "light", "instances", "drift", "clusters"]

_FRAME = [("video", pa.string()), ("expression", pa.string()), ("frame", pa.string())]
_MASKS = [
    ("j", pa.float64()),
    ("f", pa.float64()),
    ("area_truth", pa.int64()),
    ("area_prediction", pa.int64()),
    ("intersection", pa.int64()),
    ("present", pa.bool_()),
]
# Rows of one draw of light may leave `draw` out: it is 0.
_LIGHT = [("level", pa.float64()), ("draw", pa.int64())]
_INSTANCES = [
    ("image", pa.string()),
    ("query", pa.int64()),
    ("score", pa.float64()),
    ("intersection", pa.int64()),
    ("union", pa.int64()),
]
_DRIFT = [("sample", pa.string()), ("k", pa.int64()), ("cosine", pa.float64()), ("kind", pa.string()), ("stride", pa.int64())]
_CLUSTERS = [
    ("video", pa.string()),
    ("text", pa.string()),
    ("frame", pa.string()),
    ("stride", pa.int64()),
    ("height", pa.int64()),
    ("width", pa.int64()),
    ("cells", pa.binary()),
    ("picture", pa.binary()),
]

SCHEMAS: Mapping[Kind, pa.Schema] = MappingProxyType(
    {
        "scores": pa.schema(_FRAME + _MASKS),
        "shuffled": pa.schema(_FRAME + _MASKS),
        "closest": pa.schema(_FRAME + _MASKS),
        "light": pa.schema(_FRAME + _MASKS + _LIGHT),
        "instances": pa.schema(_INSTANCES),
        "drift": pa.schema(_DRIFT),
        "clusters": pa.schema(_CLUSTERS),
    }
)

# What tells rows apart, and their order in the file.
KEYS: Mapping[Kind, list[str]] = MappingProxyType(
    {
        "scores": ["video", "expression", "frame"],
        "shuffled": ["video", "expression", "frame"],
        "closest": ["video", "expression", "frame"],
        "light": ["level", "draw", "video", "expression", "frame"],
        "instances": ["image", "query"],
        "drift": ["sample", "stride", "kind", "k"],
        "clusters": ["video", "stride", "frame"],
    }
)


def rows(video: str, expression: str, frames: Sequence[str], prediction: Masks, truth: Masks) -> pd.DataFrame:
    """A row of scores.parquet for each frame of masks [T, H, W]; `present` is whether the truth has any pixel.

    Those of light.parquet are the same with `.assign(level=..., draw=...)`. Raises ValueError on other shapes or types.
    """
    if len(frames) != len(truth):
        raise ValueError(f"{video}/{expression} has {len(frames)} frame names and {len(truth)} masks; give one name a mask")
    return counted(video, expression, frames, contour.count(prediction, truth))


def counted(video: str, expression: str, frames: Sequence[str], counts: contour.Counts) -> pd.DataFrame:
    """The same from the counts of each frame [T]."""
    return pd.DataFrame(
        {
            "video": pd.Series([video] * len(frames), dtype="str"),
            "expression": pd.Series([expression] * len(frames), dtype="str"),
            "frame": pd.Series(list(frames), dtype="str"),
            "j": region.jaccard(counts.intersection, counts.area_prediction + counts.area_truth - counts.intersection),
            "f": contour.accuracy(counts),
            "area_truth": counts.area_truth,
            "area_prediction": counts.area_prediction,
            "intersection": counts.intersection,
            "present": counts.area_truth > 0,
        }
    )


def write(path: Path, table: pd.DataFrame) -> None:
    """Write the rows sorted by key, all or nothing: an interrupted or failed write leaves what was there before.

    A file named after a kind (scores.parquet) holds rows of that kind; else (a part) the columns tell the kind.
    Raises ValueError naming file and column if a column is missing, unknown or of another type, or if two rows have one key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    checked = _table(path, table)
    try:
        with appearing(path) as draft:
            pq.write_table(checked, draft)
            _flush(draft)
    except OSError as error:
        raise OSError(error.errno or 0, f"not written ({error}); free disk space and run again", str(path)) from error


def admits(path: Path, kind: Kind) -> None:
    """Raises ValueError where there is a folder of this name, or the name says that the file holds rows of another kind."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file for the rows of {kind}")
    named: Kind | None = next((other for other in SCHEMAS if other == path.stem), None)
    if named is not None and SCHEMAS[named] != SCHEMAS[kind]:
        raise ValueError(f"{path}: a file of this name holds rows of {named}, these are {kind}; name it {kind}.parquet or something else")


def read(path: Path) -> pd.DataFrame:
    """The rows of a file. Raises ValueError naming file and column if it is not there, damaged, or has other columns."""
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist; run the trial that writes it") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is not a readable Parquet file ({error}); remove it and run the trial again") from error
    if "level" in table.column_names and "draw" not in table.column_names:
        table = table.append_column("draw", pa.array([0] * len(table), pa.int64()))
    kind = _kind(path, table.column_names)
    for field in SCHEMAS[kind]:
        column = table.column(field.name)
        # Pandas writes its own strings as large ones.
        accepted = (pa.string(), pa.large_string()) if field.type == pa.string() else (field.type,)
        if column.type not in accepted:
            raise ValueError(
                f"{path}: column {field.name!r} is {column.type}, expected {field.type}; write it with the version that reads it"
            )
        if column.null_count:
            raise ValueError(f"{path}: column {field.name!r} has {column.null_count} missing values, expected none; run the trial again")
    rows_: pd.DataFrame = table.select(SCHEMAS[kind].names).to_pandas()
    return rows_


def merge(parts: Sequence[Path], to: Path) -> None:
    """One sorted file of several. Raises ValueError naming the first key that two of them share."""
    if not parts:
        raise ValueError(f"{to}: no parts to merge; give at least one file")
    write(to, pd.concat([read(part) for part in parts], ignore_index=True))


def _table(path: Path, table: pd.DataFrame) -> pa.Table:
    if "level" in table and "draw" not in table:
        table = table.assign(draw=0)
    kind = _kind(path, list(table.columns))
    repeated = table[table.duplicated(KEYS[kind])]
    if len(repeated):
        key = ", ".join(f"{name} {repeated.iloc[0][name]}" for name in KEYS[kind])
        raise ValueError(f"{path}: {len(repeated)} rows repeat a key, the first is {key}; write each part once")
    ordered = table.sort_values(KEYS[kind])
    return pa.table([_column(path, ordered[field.name], field) for field in SCHEMAS[kind]], schema=SCHEMAS[kind])


def _column(path: Path, values: pd.Series, field: pa.Field) -> pa.Array:
    # Arrow would turn numbers into one another and NaN into a missing value; a NaN cosine means "not defined" and is kept.
    if field.type != pa.float64() and values.isna().any():
        raise ValueError(
            f"{path}: column {field.name!r} has {values.isna().sum()} missing values, expected none; fill in or drop these rows"
        )
    try:
        column = pa.array(values.to_numpy(), from_pandas=False, type=None if len(values) else field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{path}: column {field.name!r} is not {field.type} ({error}); convert it before it is written") from error
    if column.type != field.type:
        raise ValueError(f"{path}: column {field.name!r} is {column.type}, expected {field.type}; convert it before it is written")
    return column


def _kind(path: Path, columns: Sequence[str]) -> Kind:
    """What the file holds, by its name or else its columns, which are checked."""
    marks: Mapping[str, Kind] = {"cells": "clusters", "cosine": "drift", "query": "instances", "level": "light"}
    by_columns: Kind = next((kind for mark, kind in marks.items() if mark in columns), "scores")
    kind = next((kind for kind in SCHEMAS if kind == path.stem), by_columns)
    for name in SCHEMAS[kind].names:
        if name not in columns:
            raise ValueError(f"{path}: column {name!r} is missing; rows of {kind} have {', '.join(SCHEMAS[kind].names)}")
    for name in columns:
        if name not in SCHEMAS[kind].names:
            raise ValueError(f"{path}: column {name!r} is unknown; rows of {kind} have {', '.join(SCHEMAS[kind].names)}")
    return kind


def _flush(draft: Path) -> None:
    """To the disk, so that a power cut after the rename cannot leave an empty file under the final name."""
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
