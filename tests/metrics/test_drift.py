"""Feature drift: pooling against means taken by hand, cosines of vectors whose angles are known, and the choice of clips."""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from vdit.metrics import drift
from vdit.metrics.drift import ClipFeatures
from vdit.video import Expression, Video


def features(sample: str, box: list[list[float]], other: list[list[float]] | None = None, stride: int = 16) -> ClipFeatures:
    box_TC = np.array(box, np.float32)
    return ClipFeatures(sample, stride, box_TC, box_TC[:, ::-1].copy(), None if other is None else np.array(other, np.float32))


def values(table: Any, sample: str, kind: str) -> list[float]:
    rows = table[(table["sample"] == sample) & (table["kind"] == kind)].sort_values("k")
    return rows["cosine"].tolist()


def test_cosines_of_known_angles() -> None:
    turning = features("turn", [[1, 0], [3, 3], [0, 2]], other=[[0, 1], [0, 1], [-1, 0]])
    still = features("still", [[-1, 0], [-2, 0], [-1, -5]])
    table = drift.curves([turning, still])
    assert values(table, "turn", "raw") == pytest.approx([np.sqrt(0.5), 0], abs=1e-9)
    assert values(table, "turn", "mask") == pytest.approx([np.sqrt(0.5), 0], abs=1e-9)
    assert values(table, "turn", "margin") == pytest.approx([np.sqrt(0.5) - 0, 0 + 1], abs=1e-9)
    assert values(table, "still", "raw")[0] == pytest.approx(1)
    # The mean of the six features is (0, 0): centring changes nothing here, and does below.
    assert values(table, "turn", "centred") == pytest.approx(values(table, "turn", "raw"), abs=1e-9)


def test_centring_takes_off_what_all_features_share() -> None:
    shared = 1000.0
    table = drift.curves([features("a", [[shared + 1, 0], [shared, 1]]), features("b", [[shared - 1, 0], [shared, -1]])])
    assert values(table, "a", "raw") == pytest.approx([1], abs=1e-5)
    assert values(table, "a", "centred") == pytest.approx([0], abs=1e-5)


def test_strides_are_centred_apart() -> None:
    fine = [features("a", [[1, 0], [0, 1]], stride=16), features("b", [[-1, 0], [0, -1]], stride=16)]
    coarse = [features("a", [[901, 0], [900, 1]], stride=32), features("b", [[899, 0], [900, -1]], stride=32)]
    table = drift.curves(fine + coarse)
    assert_allclose(table.loc[table["kind"] == "centred", "cosine"], 0, atol=1e-6)
    assert Counter(table["stride"]) == {16: 8, 32: 8}


def test_margin_is_not_defined_without_another_object_in_sight() -> None:
    nowhere = [float("nan")] * 2
    leaves = features("leaves", [[1, 0], [1, 0], [1, 0]], other=[[0, 1], [0, 1], nowhere])
    table = drift.curves([features("alone", [[1, 0], [1, 0]]), leaves])
    assert np.isnan(values(table, "alone", "margin")).all()
    assert values(table, "leaves", "margin") == pytest.approx([1, float("nan")], nan_ok=True)


def test_an_unseen_frame_leaves_the_other_clips_alone() -> None:
    unseen = features("unseen", [[1, 0], [float("nan")] * 2])
    table = drift.curves([unseen, features("a", [[1, 0], [0, 1]]), features("b", [[-2, 0], [0, -1]])])
    assert values(table, "a", "centred") == pytest.approx([0], abs=1e-6)
    assert np.isnan(values(table, "unseen", "raw")).all()


def test_measure_is_the_mean_over_the_clips_that_have_a_value() -> None:
    table = drift.measure(drift.curves([features("a", [[1, 0], [1, 0]], other=[[0, 1], [0, 1]]), features("b", [[1, 0], [0, 1]])]))
    rows = table.set_index(["stride", "kind", "k"])
    assert rows.loc[(16, "raw", 1)].tolist() == pytest.approx([0.5, 2])
    assert rows.loc[(16, "margin", 1)].tolist() == pytest.approx([1, 1])


def test_no_features_are_refused() -> None:
    with pytest.raises(ValueError, match="no clips"):
        drift.curves([])


def test_roi_features_of_a_ramp_are_its_value_at_the_centre_of_the_box() -> None:
    """Bilinear sampling of a linear map is exact away from the border: with aligned=True cell i is centred at (i + .5) stride."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    map_TChw = torch.stack([torch.stack([x, y]), torch.stack([2 * x, -y])])
    boxes_T4 = torch.tensor([[40.0, 32.0, 120.0, 96.0], [80.0, 40.0, 96.0, 120.0]])
    found = drift.roi_features(map_TChw, boxes_T4, stride=8)
    assert_allclose(found, [[80 / 8 - 0.5, 64 / 8 - 0.5], [2 * (88 / 8 - 0.5), -(80 / 8 - 0.5)]], rtol=1e-5)


def test_mask_features_weigh_cells_by_how_much_of_them_is_covered() -> None:
    map_TChw = torch.tensor([[[[1.0, 2.0, 50.0], [3.0, 4.0, 50.0]]]])  # one column of padding
    masks_THW = torch.zeros(1, 7, 8, dtype=torch.bool)
    masks_THW[0, :4, :4] = True  # all of the first cell
    masks_THW[0, 4:6, 4:8] = True  # half of the last
    assert drift.mask_features(map_TChw, masks_THW, stride=4).item() == pytest.approx((1 * 16 + 4 * 8) / 24)
    assert torch.isnan(drift.mask_features(map_TChw, torch.zeros_like(masks_THW), stride=4)).all()


def test_masks_larger_than_the_map_are_refused() -> None:
    with pytest.raises(ValueError, match="masks of 9x8 do not fit"):
        drift.mask_features(torch.zeros(1, 1, 2, 2), torch.zeros(1, 9, 8, dtype=torch.bool), stride=4)


def test_boxes_hold_the_mask_with_the_far_edges_excluded() -> None:
    masks = np.zeros((2, 10, 12), bool)
    masks[0, 2, 3], masks[0, 5, 7] = True, True
    assert_allclose(drift.boxes(masks), [[3, 2, 8, 6], [np.nan] * 4])


def split(seen: dict[str, dict[int, str]]) -> Any:
    """Videos of one pixel an object; a 1 in the string is a frame that shows it. Each object has the expression of its number."""
    videos = tuple(
        Video(id=name, frames=tuple(map(str, range(len(objects[1])))), expressions=tuple(Expression(str(o), "", o) for o in objects))
        for name, objects in seen.items()
    )

    def labels(video: Video, indices: tuple[int, ...]) -> Any:
        columns = [[object_ * int(shown) for shown in frames] for object_, frames in seen[video.id].items()]
        return np.array(columns, np.uint8).T[list(indices), None, :]

    return SimpleNamespace(videos=videos, labels=labels)


def test_clips_show_the_object_in_every_frame() -> None:
    found = drift.clips(split({"a": {1: "0111101", 2: "1110000"}, "b": {1: "11"}}), count=99, frames=3, seed=0)
    assert sorted(found) == [("a", "1", 1), ("a", "1", 2), ("a", "2", 0)]


def test_every_expression_comes_before_a_second_clip_of_one() -> None:
    world = split({name: {1: "111111111111", 2: "111110000000"} for name in "abcd"})
    found = drift.clips(world, count=8, frames=4, seed=3)
    assert Counter((clip.video, clip.expression) for clip in found) == {(name, object_): 1 for name in "abcd" for object_ in "12"}


def test_the_choice_depends_on_the_seed_alone() -> None:
    world = split({name: {1: "1" * 30} for name in "abcd"})
    chosen = [drift.clips(world, count=3, frames=8, seed=seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_averaging_stored_curves_needs_no_torch() -> None:
    code = "import sys, vdit.metrics.drift; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
