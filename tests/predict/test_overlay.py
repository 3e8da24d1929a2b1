"""Masks laid over frames. Oracle: hand-computed colours."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from vdit.predict.overlay import COLOUR, blend, overlay


def test_a_mask_is_tinted_with_its_edge_in_full_colour() -> None:
    frame, mask = np.full((7, 9, 3), 100, np.uint8), np.zeros((7, 9), bool)
    mask[1:6, 2:7] = True
    shown = blend(frame, mask)
    assert tuple(shown[3, 4]) == tuple(np.rint((np.array(COLOUR) + 100) / 2).astype(int))
    assert tuple(shown[1, 4]) == COLOUR and tuple(shown[3, 6]) == COLOUR
    assert (shown[~mask] == 100).all() and (frame == 100).all()


def test_an_empty_mask_changes_nothing() -> None:
    frame = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    assert np.array_equal(blend(frame, np.zeros((5, 6), bool)), frame)


@pytest.mark.parametrize(("height", "width"), [(32, 64), (33, 65), (480, 854)])
def test_the_video_has_every_frame_at_its_size_to_the_even_pixel(tmp_path: Path, height: int, width: int) -> None:
    frames = np.full((3, height, width, 3), 80, np.uint8)
    with overlay(tmp_path / "o.mp4", 24.0, height, width) as growing:
        growing.add(frames, np.ones((3, height, width), bool))
        growing.add(frames[:1], np.zeros((1, height, width), bool))
    capture = cv2.VideoCapture(str(tmp_path / "o.mp4"))
    read = [image for there, image in iter(capture.read, (False, None)) if there]
    assert len(read) == 4 and read[0].shape == (height - height % 2, width - width % 2, 3)
    tinted, plain = (image[height // 2, width // 2, ::-1].astype(int) for image in (read[0], read[3]))
    assert np.abs(tinted - (np.array(COLOUR) + 80) / 2).max() < 12 and np.abs(plain - 80).max() < 12


@pytest.mark.parametrize(
    ("rate", "held"), [(119.857, 119.86), (30000 / 1001, 29.97), (59.94006, 59.94), (239.7602, 239.76), (1e6, 65535), (1e-6, 0.01)]
)
def test_a_rate_that_no_mp4_holds_is_the_nearest_that_one_does(tmp_path: Path, rate: float, held: float) -> None:
    with overlay(tmp_path / "o.mp4", rate, 32, 64) as growing:
        growing.add(np.zeros((2, 32, 64, 3), np.uint8), np.zeros((2, 32, 64), bool))
    assert cv2.VideoCapture(str(tmp_path / "o.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(held, rel=1e-4)


@pytest.mark.parametrize(("height", "width"), [(5, 1), (1, 5), (1, 1)])
def test_a_row_or_column_of_pixels_is_doubled(tmp_path: Path, height: int, width: int) -> None:
    with overlay(tmp_path / "o.mp4", 24.0, height, width) as growing:
        growing.add(np.full((2, height, width, 3), 200, np.uint8), np.zeros((2, height, width), bool))
    there, image = cv2.VideoCapture(str(tmp_path / "o.mp4")).read()
    assert there and image.shape[:2] == (max(2, height // 2 * 2), max(2, width // 2 * 2)) and abs(int(image[0, 0, 1]) - 200) < 12


def test_only_a_full_disk_is_to_be_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No such file or directory") as caught, overlay(tmp_path / "none/o.mp4", 24.0, 32, 64):
        pass
    assert "disk space" not in str(caught.value)

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="free some disk space"), overlay(tmp_path / "none/o.mp4", 24.0, 32, 64):
        pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"), overlay(tmp_path / "none/o.mp4", 24.0, 32, 64):
        pass
