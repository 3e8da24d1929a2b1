"""Score files: rows counted by hand, files that come back as they were written, and nothing half-written."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vdit.metrics import contour, region
from vdit.metrics.drift import ClipFeatures, curves
from vdit.record.scores import merge, read, rows, write

INTERFACE = ["video", "expression", "frame", "j", "f", "area_truth", "area_prediction", "intersection", "present"]


def table(video: str = "v", expression: str = "0", frames: int = 3) -> pd.DataFrame:
    prediction, truth = np.random.default_rng(frames).random((2, frames, 6, 9)) < 0.5
    truth[0] = False
    return rows(video, expression, [f"{5 * t:05d}" for t in range(frames)], prediction, truth)


def test_rows_hold_the_areas_and_scores_of_each_frame() -> None:
    truth, prediction = np.zeros((2, 2, 4, 9), bool)
    truth[0, 1, :6], prediction[0, 1, 2:8] = True, True
    found = rows("v", "3", ["00000", "00005"], prediction, truth)
    assert list(found.columns) == INTERFACE
    assert found[["area_truth", "area_prediction", "intersection", "present"]].values.tolist() == [[6, 6, 4, True], [0, 0, 0, False]]
    assert found["j"].tolist() == region.measure(prediction, truth).tolist() == [0.5, 1]
    assert found["f"].tolist() == contour.measure(prediction, truth).tolist()
    assert found[["video", "expression", "frame"]].values.tolist() == [["v", "3", "00000"], ["v", "3", "00005"]]


def test_as_many_names_as_masks() -> None:
    with pytest.raises(ValueError, match="v/3 has 1 frame names and 2 masks"):
        rows("v", "3", ["00000"], np.zeros((2, 4, 9), bool), np.zeros((2, 4, 9), bool))


def test_a_file_comes_back_sorted_and_otherwise_as_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.parquet"
    write(path, table().iloc[::-1])
    pd.testing.assert_frame_equal(read(path), table())
    schema = pq.read_schema(path)
    assert [str(field.type) for field in schema] == ["string"] * 3 + ["double"] * 2 + ["int64"] * 3 + ["bool"]


def test_light_rows_of_one_draw_may_leave_it_out(tmp_path: Path) -> None:
    rows = table().assign(level=0.2)
    write(tmp_path / "light.parquet", rows)
    assert set(read(tmp_path / "light.parquet")["draw"]) == {0}
    (tmp_path / "elsewhere").mkdir()
    rows.to_parquet(tmp_path / "elsewhere/light.parquet", index=False)
    pd.testing.assert_frame_equal(read(tmp_path / "elsewhere/light.parquet"), read(tmp_path / "light.parquet"))


def test_light_rows_add_level_and_draw(tmp_path: Path) -> None:
    path = tmp_path / "light.parquet"
    light = pd.concat([table().assign(level=level, draw=draw) for level in (0.4, 0.2) for draw in (1, 0)])
    write(path, light)
    assert read(path).columns.tolist() == [*INTERFACE, "level", "draw"]
    assert read(path)[["level", "draw"]].drop_duplicates().values.tolist() == [[0.2, 0], [0.2, 1], [0.4, 0], [0.4, 1]]


def test_what_is_not_defined_stays_so(tmp_path: Path) -> None:
    alone = ClipFeatures("v/0/3", 16, np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), None)
    write(tmp_path / "drift.parquet", curves([alone]))
    found = read(tmp_path / "drift.parquet")
    assert found.columns.tolist() == ["sample", "k", "cosine", "kind", "stride"]
    assert found.loc[found["kind"] == "margin", "cosine"].isna().all() and len(found) == 8


def test_parts_are_merged_in_order(tmp_path: Path) -> None:
    whole = pd.concat([table("a", "0"), table("a", "1"), table("b", "0")], ignore_index=True)
    parts = [tmp_path / f"part-{n}.parquet" for n in range(2)]
    write(parts[0], whole.iloc[[7, 3, 0, 5]])
    write(parts[1], whole.drop(index=[7, 3, 0, 5]))
    merge(parts, tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "scores.parquet"), whole)


def test_a_repeated_key_is_refused_and_named(tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    write(part, table())
    with pytest.raises(ValueError, match=r"scores.parquet: 3 rows repeat a key, the first is video v, expression 0, frame 00000"):
        merge([part, part], tmp_path / "scores.parquet")
    assert not (tmp_path / "scores.parquet").exists()


def test_nothing_to_merge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no parts"):
        merge([], tmp_path / "scores.parquet")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (table().drop(columns="f"), r"scores.parquet: column 'f' is missing"),
        (table().assign(level=0.2), r"scores.parquet: column 'level' is unknown"),
        (table().assign(j=1), r"scores.parquet: column 'j' is int64, expected double"),
        (table().assign(area_truth=1.5), r"scores.parquet: column 'area_truth' is double, expected int64"),
        (table().assign(frame=[0, 5, 10]), r"scores.parquet: column 'frame' is int64, expected string"),
        (table().assign(frame=["0", None, "1"]), r"scores.parquet: column 'frame' .* missing values"),
    ],
)
def test_wrong_columns_are_named_on_writing_and_on_reading(tmp_path: Path, bad: pd.DataFrame, message: str) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(ValueError, match=message):
        write(path, bad)
    assert list(tmp_path.iterdir()) == []
    pq.write_table(pa.table({name: pa.array(bad[name].tolist(), from_pandas=True) for name in bad.columns}), path)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_missing_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(ValueError, match=r"scores.parquet does not exist"):
        read(path)
    write(path, table())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"scores.parquet is not a readable Parquet file"):
        read(path)


@contextmanager
def small_files() -> Iterator[None]:
    """Writing beyond 4 KiB fails, as on a full disk. Only around the write itself: pytest's own output may go to a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_the_file_of_before_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "light.parquet"
    before = table().assign(level=0.2, draw=0)
    before.iloc[:0].pipe(lambda empty: write(path, empty))
    after = pd.concat([table(frames=400).assign(level=0.2, draw=draw) for draw in range(9)])
    with pytest.raises(OSError, match="not written") as failure, small_files():
        write(path, after)
    assert failure.value.filename == str(path) and failure.value.errno in (errno.EFBIG, errno.EIO, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["light.parquet"]
    assert read(path).empty
