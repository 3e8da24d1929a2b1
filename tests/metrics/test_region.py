"""J against counts made by hand; the public evaluators' numbers are in test_contour.py, where both are compared."""

import numpy as np

from vdit.metrics import region


def test_region_is_intersection_over_union_frame_by_frame() -> None:
    truth, prediction = np.zeros((2, 3, 4, 70), bool)
    truth[0, 0, :6], prediction[0, 0, 2:8] = True, True  # 4 of 8
    truth[1, :, 60:70] = True  # missed
    assert region.measure(prediction, truth).tolist() == [0.5, 0.0, 1.0]


def test_void_pixels_count_in_neither_mask() -> None:
    truth, prediction, void = np.zeros((3, 1, 4, 70), bool)
    truth[0, 0, :6], prediction[0, 0, 2:8], void[0, 0, 6:8] = True, True, True
    assert region.measure(prediction, truth, void).tolist() == [4 / 6]
    assert prediction.sum() == 6  # the caller's mask is left alone
