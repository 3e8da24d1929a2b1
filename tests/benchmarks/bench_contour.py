"""J and F against the same formula on dense boundary maps: CPU time per frame-object pair, one thread, interleaved in one run.

Run as `python tests/benchmarks/bench_contour.py`. Goals: 20x at 480x854, 50x at 720x1280, 15x at 240x320.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vdit.metrics import contour, region
from vdit.video import Masks

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]


class Size(NamedTuple):
    height: int
    width: int
    goal: float


SIZES = (Size(480, 854, 20), Size(720, 1280, 50), Size(240, 320, 15))


def packed(prediction: Masks, truth: Masks) -> Scores:
    """J and F as this project computes them for a trial's scores."""
    counts = contour.count(prediction, truth)
    union = counts.area_prediction + counts.area_truth - counts.intersection
    return region.jaccard(counts.intersection, union), contour.accuracy(counts)


def dense(prediction: Masks, truth: Masks) -> Scores:
    """J and F written down as defined: whole boundary maps, dilated by the disk of the tolerance."""
    return np.array([dense_j(*pair) for pair in zip(prediction, truth, strict=True)]), np.array(
        [dense_f(*pair) for pair in zip(prediction, truth, strict=True)]
    )


def dense_j(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    union = np.sum(prediction | truth)
    return float(np.sum(prediction & truth) / union) if union else 1.0


def dense_f(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    disk = dense_disk(int(np.ceil(0.008 * np.linalg.norm(truth.shape))))
    ours, theirs = dense_boundary(prediction), dense_boundary(truth)
    ours_wide = cv2.dilate(ours.astype(np.uint8), disk).astype(np.bool_)
    theirs_wide = cv2.dilate(theirs.astype(np.uint8), disk).astype(np.bool_)
    claimed, wanted = np.sum(ours), np.sum(theirs)
    precision = np.sum(ours & theirs_wide) / claimed if claimed else 1.0
    recall = np.sum(theirs & ours_wide) / wanted if wanted else 1.0
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def dense_boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    right, below, diagonal = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1], below[:-1], diagonal[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    boundary = (mask ^ right) | (mask ^ below) | (mask ^ diagonal)
    boundary[-1] = mask[-1] ^ right[-1]
    boundary[:, -1] = mask[:, -1] ^ below[:, -1]
    boundary[-1, -1] = False
    return boundary


def dense_disk(radius: int) -> NDArray[np.uint8]:
    span = np.arange(-radius, radius + 1)
    return (span[:, None] ** 2 + span**2 <= radius**2).astype(np.uint8)


def clip(size: Size, frames: int, seed: int) -> tuple[Masks, Masks]:
    """A blob with a wavy outline that drifts; the prediction follows it a little off, with an outline of its own."""
    rng = np.random.default_rng(seed)
    truth = np.stack([blob(size, (0.4 + 0.02 * t, 0.5), rng) for t in range(frames)])
    prediction = np.stack([blob(size, (0.41 + 0.02 * t, 0.49), rng) for t in range(frames)])
    return prediction, truth


def blob(size: Size, centre: tuple[float, float], rng: np.random.Generator) -> NDArray[np.bool_]:
    y, x = np.mgrid[: size.height, : size.width]
    dy, dx = y - centre[0] * size.height, x - centre[1] * size.width
    angle = np.arctan2(dy, dx)
    outline = sum(rng.uniform(-0.1, 0.1) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(2, 9))
    inside: NDArray[np.bool_] = np.hypot(dy, dx) < 0.22 * size.height * (1 + outline)
    return inside


def cpu_seconds(score: Callable[[Masks, Masks], Scores], prediction: Masks, truth: Masks, calls: int) -> float:
    """Per frame-object pair."""
    start = time.process_time()
    for _ in range(calls):
        score(prediction, truth)
    return (time.process_time() - start) / calls / len(truth)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--frames", type=int, default=12)
    options.add_argument("--rounds", type=int, default=6)
    given = options.parse_args()
    cv2.setNumThreads(1)
    start = time.perf_counter()
    packed(*clip(Size(16, 16, 0), 1, 0))
    print(f"first call, numba's compilation or its cache: {time.perf_counter() - start:.2f} s")
    print("CPU ms per frame-object pair, J and F together, least of the rounds")
    print(f"{'size':>10} {'dense':>8} {'packed':>8} {'ratio':>7} {'goal':>5}")
    for size in SIZES:
        prediction, truth = clip(size, given.frames, seed=0)
        for ours, theirs in zip(packed(prediction, truth), dense(prediction, truth), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        rounds = [(cpu_seconds(dense, prediction, truth, 1), cpu_seconds(packed, prediction, truth, 8)) for _ in range(given.rounds)]
        slow, fast = (min(times) for times in zip(*rounds, strict=True))
        print(f"{size.height:>5}x{size.width:<4} {slow * 1e3:8.3f} {fast * 1e3:8.4f} {slow / fast:6.1f}x {size.goal:4.0f}x")


if __name__ == "__main__":
    main()
