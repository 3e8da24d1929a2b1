"""F against the public evaluators' numbers, a brute-force count over pixel pairs, and the cases the definition leaves to be settled."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vdit.metrics import contour, region

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
EMPTY, FULL = np.zeros((1, 20, 30), bool), np.ones((1, 20, 30), bool)
Mask = NDArray[np.bool_]


@cache
def expected() -> dict[str, Any]:
    if not CASES.is_dir():
        pytest.skip(f"the evaluation cases are not at {CASES}")
    return json.loads((CASES / "expected.json").read_text())["jf"]


@cache
def labels(name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with np.load(CASES / "jf_cases.npz") as cases:
        return cases[f"{name}/gt"], cases[f"{name}/pred"]


def brute_force_boundary(mask: Mask) -> NDArray[np.int64]:
    block = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    mixed = [(y, x) for y, x in np.ndindex(mask.shape) if len(set(block[y : y + 2, x : x + 2].ravel().tolist())) > 1]
    return np.array(mixed, np.int64).reshape(-1, 2)


def brute_force_f(prediction: Mask, truth: Mask, tolerance: float) -> float:
    """Every boundary pixel against every other one."""
    reach = int(np.ceil(tolerance * np.hypot(*truth.shape)))
    ours, theirs = brute_force_boundary(prediction), brute_force_boundary(truth)
    near = ((ours[:, None] - theirs) ** 2).sum(-1) <= reach**2
    precision = near.any(1).sum() / len(ours) if len(ours) else 1.0
    recall = near.any(0).sum() / len(theirs) if len(theirs) else 1.0
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def test_every_frame_equals_the_public_evaluators_to_the_last_bit() -> None:
    frames = 0
    for name, case in expected().items():
        truth, prediction = labels(name)
        for known in case["objects"]:
            masks = prediction == known["id"], truth == known["id"]
            assert region.measure(*masks).tolist() == known["J"], name
            assert contour.measure(*masks).tolist() == known["F"], name
            assert region.measure(*masks).mean() == pytest.approx(known["J_mean"], abs=1e-12)
            assert contour.measure(*masks).mean() == pytest.approx(known["F_mean"], abs=1e-12)
            frames += len(truth)
    assert frames == 465


def test_the_tolerance_is_the_public_evaluators() -> None:
    for name, case in expected().items():
        assert contour.radius(*case["shape"][1:]) == case["bound_pix"], name
    assert [contour.radius(*size) for size in ((240, 320), (300, 400), (720, 1280), (1080, 1920))] == [4, 4, 12, 18]


def test_void_is_taken_out_of_both_masks_as_the_unsupervised_protocol_does() -> None:
    cases = {name: case for name, case in expected().items() if case["has_void"]}
    assert len(cases) == 3
    for name, case in cases.items():
        truth, prediction = labels(name)
        ids = [known["id"] for known in case["objects"]]
        pairs = [[(prediction == ours, truth == theirs, truth == 255) for theirs in ids] for ours in ids]
        j = np.array([[region.measure(*pair).mean() for pair in row] for row in pairs])
        f = np.array([[contour.measure(*pair).mean() for pair in row] for row in pairs])
        best = linear_sum_assignment(-(j + f))
        np.testing.assert_allclose(j[best], case["davis_unsupervised"]["J"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(f[best], case["davis_unsupervised"]["F"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("tolerance", [0.008, 0.05, 0.2, 0.45])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (13, 17), (9, 63), (9, 64), (9, 65), (20, 150)])
def test_random_masks_agree_with_brute_force(size: tuple[int, int], tolerance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wider tolerances reach over one word and more."""
    monkeypatch.setattr(contour, "TOLERANCE", tolerance)
    rng = np.random.default_rng(sum(size))
    for density in (0.001, 0.02, 0.3):
        prediction, truth = rng.random((2, 3, *size)) < density
        brute = [brute_force_f(*pair, tolerance) for pair in zip(prediction, truth, strict=True)]
        assert contour.measure(prediction, truth).tolist() == brute


@pytest.mark.parametrize("reach", [1, 2, 5, 8, 12, 40, 63, 64, 65, 130])
def test_every_tolerance_widens_by_its_disk(reach: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone point in the middle, and points nearer to an edge of the frame than the tolerance, against points all over."""
    height, width = 90, 400
    monkeypatch.setattr(contour, "TOLERANCE", (reach - 0.5) / np.hypot(height, width))
    assert contour.radius(height, width) == reach
    rng = np.random.default_rng(reach)
    for y, x in ((45, 200), (1, 63), (88, 64), (30, 398)):
        truth, prediction = np.zeros((2, 1, height, width), bool)
        truth[0, y, x] = True
        prediction[0] = rng.random((height, width)) < min(0.3, max(8 / reach**2, 1e-3))
        ours, theirs = brute_force_boundary(prediction[0]), brute_force_boundary(truth[0])
        near = ((ours[:, None] - theirs) ** 2).sum(-1) <= reach**2
        assert near.any() and not near.all()
        counts = contour.count(prediction, truth)
        assert (counts.matched_prediction.item(), counts.matched_truth.item()) == (near.any(1).sum(), near.any(0).sum())


@pytest.mark.parametrize(("height", "width"), [(600, 700), (3900, 7000), (7600, 6000)])
def test_distance_decides_at_any_size(height: int, width: int) -> None:
    """A lone pixel makes a 2 x 2 boundary: moved by the tolerance all of it matches, one further only half."""
    reach = contour.radius(height, width)
    truth = np.zeros((1, height, width), bool)
    truth[0, 300, 320] = True
    for dy, dx in ((0, reach), (reach, 0), (0, -reach), (-reach, 0)):
        assert contour.measure(np.roll(truth, (dy, dx), (1, 2)), truth).item() == 1
        beyond = contour.measure(np.roll(truth, (dy + np.sign(dy), dx + np.sign(dx)), (1, 2)), truth).item()
        assert beyond == 0.5
    assert contour.measure(np.roll(truth, (reach, reach), (1, 2)), truth).item() == 0


@pytest.mark.parametrize(
    ("prediction", "truth", "j", "f"), [(FULL, FULL, 1, 1), (EMPTY, FULL, 0, 1), (FULL, EMPTY, 0, 1), (EMPTY, EMPTY, 1, 1)]
)
def test_a_full_frame_has_no_boundary(prediction: Mask, truth: Mask, j: float, f: float) -> None:
    assert region.measure(prediction, truth).tolist() == [j]
    assert contour.measure(prediction, truth).tolist() == [f]


def test_half_a_frame_against_a_full_one_has_half_the_region_and_no_contour() -> None:
    half = FULL.copy()
    half[:, :, 15:] = False
    assert region.measure(half, FULL).tolist() == [0.5]
    assert contour.measure(half, FULL).tolist() == [0]


def test_the_bottom_right_pixel_is_no_boundary_by_itself() -> None:
    corner = EMPTY.copy()
    corner[0, -1, -1] = True
    assert contour.count(corner, EMPTY).boundary_prediction.tolist() == [3]  # above, left and above left of it


def test_a_true_stored_as_255_is_one_pixel() -> None:
    mask = np.full((1, 20, 30), 255, np.uint8).view(np.bool_)
    counts = contour.count(mask, FULL)
    assert (counts.area_prediction.item(), counts.intersection.item()) == (600, 600)


@pytest.mark.parametrize("cells", [(8, 10), (1, 1), (2, 7), (3, 8)])
def test_ids_of_label_maps_are_counted_as_their_masks_are(cells: tuple[int, int]) -> None:
    """Also where a row ends within a word, and in an image of fewer pixels than a word."""
    rng = np.random.default_rng(11)
    prediction, truth = (
        np.repeat(np.repeat(rng.choice([0, 1, 2, 5, 255], cells), 7, axis=0), 9, axis=1).astype(np.uint8) for _ in range(2)
    )
    predicted, true = [5, 0, 1, 9], [2, 1, 5]

    def alone(ours: int, theirs: int, void: int | None) -> list[int]:
        masks = [((labels == found) & (found != 0))[None] for labels, found in ((prediction, ours), (truth, theirs))]
        return [int(counts[0]) for counts in contour.count(*masks, None if void is None else (truth == void)[None])]

    for void in (None, 255):
        found = contour.pairs(prediction, truth, predicted, true, void)
        for p, g in np.ndindex(4, 3):
            assert [counts[p, g] for counts in found] == alone(predicted[p], true[g], void)
    found = contour.each(prediction, truth, predicted[:3], true)
    for place, ids in enumerate(zip(predicted[:3], true, strict=True)):
        assert [counts[place] for counts in found] == alone(*ids, None)


def test_what_is_no_label_map_is_refused() -> None:
    labels = np.zeros((5, 6), np.uint8)
    with pytest.raises(ValueError, match="2 predicted ids for 1 true ones"):
        contour.each(labels, labels, [1, 2], [1])
    for counting in (contour.pairs, contour.each):
        with pytest.raises(ValueError, match=r"prediction has shape \(4, 6\)"):
            counting(labels[:4], labels, [1], [1])
        with pytest.raises(ValueError, match="labels are int64"):
            counting(labels.astype(int), labels, [1], [1])


def test_swapping_and_turning_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    prediction, truth = np.repeat(np.repeat(rng.random((2, 3, 12, 14)) < 0.4, 9, axis=2), 11, axis=3)
    expected_f = contour.measure(prediction, truth)
    assert 0 < expected_f.min() < 1
    np.testing.assert_array_equal(contour.measure(truth, prediction), expected_f)
    views = prediction.transpose(0, 2, 1), truth.transpose(0, 2, 1)
    np.testing.assert_array_equal(contour.measure(*views), contour.measure(*(view.copy() for view in views)))
    np.testing.assert_allclose(contour.measure(*views), expected_f, atol=1e-12)


def test_threads_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(5)
    clips = [np.repeat(np.repeat(rng.random((2, 4, 12, 16)) < 0.4, 10, axis=2), 10, axis=3) for _ in range(24)]
    alone = [contour.measure(*clip).tolist() for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda clip: contour.measure(*clip).tolist(), clips))
    assert together == alone


def test_no_frames_give_no_scores() -> None:
    assert contour.measure(EMPTY[:0], EMPTY[:0]).shape == region.measure(EMPTY[:0], EMPTY[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (EMPTY.astype(np.uint8), EMPTY, "prediction is uint8, a mask is bool"),
        (EMPTY, EMPTY.astype(float), "truth is float64, a mask is bool"),
        (EMPTY[0], EMPTY[0], "frames x height x width"),
        (EMPTY[:, :5], EMPTY, r"prediction has shape \(1, 5, 30\), truth has \(1, 20, 30\)"),
    ],
)
def test_what_is_no_mask_is_refused(prediction: Mask, truth: Mask, message: str) -> None:
    for metric in (region, contour):
        with pytest.raises(ValueError, match=message):
            metric.measure(prediction, truth)
