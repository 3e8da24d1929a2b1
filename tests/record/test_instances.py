"""Rows of instances.parquet: counted by hand, and as they come back from a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from vdit.record import instances, scores

TRUTH = np.zeros((4, 9), bool)
TRUTH[1, :6] = True
MASKS = np.zeros((3, 4, 9), bool)
MASKS[0, 1, 2:8] = True
MASKS[2] = True


def table(image: str = "v_a_f_3_i_0") -> pd.DataFrame:
    return instances.rows(image, np.array([0.25, 0.5, 0.5]), MASKS, TRUTH)


def test_a_row_counts_a_querys_pixels() -> None:
    assert table().values.tolist() == [
        ["v_a_f_3_i_0", 0, 0.25, 4, 8],
        ["v_a_f_3_i_0", 1, 0.5, 0, 6],
        ["v_a_f_3_i_0", 2, 0.5, 6, 36],
    ]


def test_an_absent_object_without_a_mask_has_no_pixel() -> None:
    nothing = instances.rows("a", np.array([0.5]), MASKS[1:2], np.zeros((4, 9), bool))
    assert nothing[["intersection", "union"]].values.tolist() == [[0, 0]]


def test_they_come_back_by_image_and_in_the_order_of_the_queries(tmp_path: Path) -> None:
    later = table("v_b_f_1_i_0")
    scores.write(tmp_path / "part.parquet", pd.concat([later.iloc[::-1], table()]))
    scores.merge([tmp_path / "part.parquet"], tmp_path / "instances.parquet")
    pd.testing.assert_frame_equal(scores.read(tmp_path / "instances.parquet"), pd.concat([table(), later], ignore_index=True))
    types = [str(field.type) for field in pq.read_schema(tmp_path / "instances.parquet")]
    assert types == ["string", "int64", "double", "int64", "int64"]


def test_an_image_is_written_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 rows repeat a key, the first is image v_a_f_3_i_0, query 0"):
        scores.write(tmp_path / "instances.parquet", pd.concat([table(), table()]))


@pytest.mark.parametrize(("masks", "count"), [(MASKS[:, :3], 3), (MASKS, 2), (MASKS[0], 4)])
def test_other_shapes_are_refused(masks: np.ndarray, count: int) -> None:
    with pytest.raises(ValueError, match=r"a has masks .* against a truth \(4, 9\)"):
        instances.rows("a", np.zeros(count), masks, TRUTH)
