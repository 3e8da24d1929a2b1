"""Generalised IoU by hand."""

import pytest
import torch

from vdit.model.boxes import generalised_iou


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], 1.0),
        ([1.0, 1.0, 2.0, 2.0], [2.0, 1.0, 2.0, 2.0], 2 / 6),  # overlap 2 of 6, hull = union
        ([0.5, 0.5, 1.0, 1.0], [2.5, 0.5, 1.0, 1.0], -1 / 3),  # apart: hull 3, union 2
        ([0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], 0.0),  # no object: union and hull are the box
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], 0.0),  # 1 - 1, by the smoothing
    ],
)
def test_values_by_hand(first: list[float], second: list[float], expected: float) -> None:
    assert generalised_iou(torch.tensor(first), torch.tensor(second)).item() == pytest.approx(expected, abs=1e-4)
