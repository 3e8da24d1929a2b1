"""Rows of clusters.parquet come back from the disk as the maps and frames that they were made of."""

from pathlib import Path

import numpy as np

from vdit.record import maps, scores
from vdit.video import Sample


def test_maps_and_frames_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # A frame that its last cells reach beyond, smooth as JPEG likes it.
    frames = np.repeat(np.linspace(0, 255, 20).astype(np.uint8)[None, None, :, None], 2, axis=0).repeat(12, axis=1).repeat(3, axis=3)
    sample = Sample("v", "0", "a red box", frames, np.zeros((2, 12, 20), bool), np.zeros((2, 4), np.float32), np.zeros(2, bool), 0)
    labels = {stride: rng.integers(0, 6, (2, -(-12 // stride), -(-20 // stride))) for stride in (8, 16)}
    for stride, labels_Thw in labels.items():
        scores.write(tmp_path / f"{stride}.parquet", maps.rows(sample, ["00000", "00005"], stride, labels_Thw))
    scores.merge([tmp_path / f"{stride}.parquet" for stride in labels], tmp_path / "clusters.parquet")
    table = scores.read(tmp_path / "clusters.parquet")
    assert table["text"].unique().tolist() == ["a red box"] and table["frame"].tolist() == ["00000", "00005"] * 2
    for stride, labels_Thw in labels.items():
        found = [row for _, row in table[table["stride"] == stride].iterrows()]
        assert np.array_equal(np.stack([maps.cells(row) for row in found]), labels_Thw)
        assert np.abs(maps.picture(found[0]).astype(int) - frames[0]).max() < 12
