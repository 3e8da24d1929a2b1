"""Masks laid over frames. Oracle: hand-computed colours."""

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


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"), overlay(tmp_path / "none/o.mp4", 24.0, 32, 64):
        pass
