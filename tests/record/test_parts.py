"""Features of a clip survive the way through their part file, with and without another object."""

from pathlib import Path

import numpy as np
import pytest

from vdit.metrics.drift import ClipFeatures
from vdit.record import parts


def test_features_come_back_equal(tmp_path: Path) -> None:
    def some(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).random((3, 4), np.float32)

    given = [ClipFeatures("v/0/2", 8, some(0), some(1), some(2)), ClipFeatures("v/0/2", 16, some(3), some(4), None)]
    parts.write_features(tmp_path / "deeper" / "clip.npz", given)
    found = parts.read_features(tmp_path / "deeper" / "clip.npz")
    assert [(one.sample, one.stride, one.other_TC is None) for one in found] == [("v/0/2", 8, False), ("v/0/2", 16, True)]
    for one, other in zip(given, found, strict=True):
        assert np.array_equal(one.box_TC, other.box_TC)
        assert np.array_equal(one.mask_TC, other.mask_TC)
    assert np.array_equal(given[0].other_TC, found[0].other_TC)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        parts.write_features(
            tmp_path / "clip.npz", [ClipFeatures("v/0/2", 8, np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), None)]
        )
    assert not list(tmp_path.iterdir())
