"""Clips of videos of which one frame is annotated. Oracle: windows and boxes by hand."""

from dataclasses import replace

import numpy as np
import pytest

from vdit.clips.annotated import centred, supervised
from vdit.video import Sample, Video

VIDEO = Video("v", tuple(f"{t:05d}" for t in range(8)), (), 0)


@pytest.mark.parametrize(
    ("annotated", "frames", "window"),
    [
        (3, 5, (1, 2, 3, 4, 5)),
        (3, 4, (1, 2, 3, 4)),
        (0, 5, (0, 0, 0, 1, 2)),
        (7, 5, (5, 6, 7, 7, 7)),
        (7, 1, (7,)),
        (None, 5, tuple(range(8))),
    ],
)
def test_a_window_is_centred_on_the_annotated_frame(annotated: int | None, frames: int, window: tuple[int, ...]) -> None:
    assert centred(replace(VIDEO, annotated=annotated), frames) == window


def sample() -> Sample:
    """Three frames, the object seen in the first two."""
    boxes = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 0]], np.float32)
    return Sample("v", "0", "", np.zeros((3, 9, 9, 3), np.uint8), np.zeros((3, 9, 9), bool), boxes, np.array([True, True, False]), 0)


@pytest.mark.parametrize(
    ("indices", "annotated", "valid", "boxes"),
    [
        ((0, 0, 1), 0, [True, False, False], [[1, 2, 3, 4], [0] * 4, [0] * 4]),
        ((1, 0, 0), 1, [False, True, False], [[0] * 4, [5, 6, 7, 8], [0] * 4]),
        ((2, 1, 0), 2, [False, False, False], [[0] * 4] * 3),
    ],
)
def test_the_first_annotated_frame_alone_is_valid(
    indices: tuple[int, ...], annotated: int, valid: list[bool], boxes: list[list[int]]
) -> None:
    found = supervised(sample(), VIDEO, indices)
    assert found.annotated == annotated and found.valid_T.tolist() == valid
    assert found.boxes_T4.tolist() == boxes and found.boxes_T4.dtype == np.float32


def test_where_all_frames_are_annotated_nothing_is_touched() -> None:
    given = sample()
    assert supervised(given, replace(VIDEO, annotated=None), (0, 1, 2)) is given
