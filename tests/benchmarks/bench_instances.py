"""Instances of A2D-Sentences and JHMDB-Sentences, five queries each, from JSON files to numbers: against decoding and COCO's evaluation.

Run as `python tests/benchmarks/bench_instances.py`. Goal: 5x, all numbers equal to 1e-9. CPU time, interleaved in one run. Then as many
predictions as `--many` says, with the growth of memory.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vdit.score import detections
from vdit.score.result import Options

GOAL = 5.0
QUERIES = 5
DRAWN = 200  # instances that differ; further ones repeat them
NAMES = ("mAP 0.5:0.95", "AP 0.5", "AP 0.75", "mAP S", "mAP M", "mAP L")
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


class Size(NamedTuple):
    name: str
    height: int
    width: int


SIZES = (Size("a2d", 320, 568), Size("jhmdb", 240, 320))


def ours(truth: Path, results: Path) -> dict[str, float]:
    numbers = detections.score(truth, results, Options()).numbers
    return {name: value for name, value in numbers.items() if name not in ("instances", "predictions")}


def theirs(truth: Path, results: Path) -> dict[str, float]:
    """COCO's evaluation for mAP; the best query and its truth decoded for the rest, as the public scripts do it."""
    with contextlib.redirect_stdout(io.StringIO()):
        listed = COCO(str(truth))
        given = listed.loadRes(str(results))
        evaluation = COCOeval(listed, given, "segm")
        evaluation.params.useCats = 0
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    found = dict(zip(NAMES, evaluation.stats.tolist(), strict=False))
    counts = np.array([decoded(listed, given, image) for image in listed.getImgIds()], np.float32)
    iou = ((counts[:, 0] + np.float32(1e-6)) / (counts[:, 1] + np.float32(1e-6))).astype(np.float64)
    found |= {f"P@{threshold}": float(np.mean(iou > threshold)) for threshold in THRESHOLDS}
    total = counts.astype(np.float64).sum(axis=0)
    return found | {"overall_iou": float(total[0] / total[1]), "mean_iou": float(iou.mean())}


def decoded(listed: COCO, given: COCO, image: int) -> tuple[int, int]:
    """Pixels of the intersection and of the union of an image's truth and its best query."""
    (truth,) = listed.imgToAnns[image]
    best = sorted(given.imgToAnns[image], key=lambda result: float(result["score"]))[-1]
    own, other = mask.decode(truth["segmentation"]), mask.decode(best["segmentation"])
    return int((own & other).sum()), int((own | other).sum())


def write(folder: Path, size: Size, instances: int, drawn: int) -> tuple[Path, Path]:
    """Wavy blobs; a query is off by a little or by much. Only so many instances are drawn, further ones repeat them."""
    rng = np.random.default_rng(0)
    listing: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "object"}]}
    results: list[dict[str, Any]] = []
    blobs = [draw(size, rng) for _ in range(min(drawn, instances))]
    for number in range(1, instances + 1):
        truth, *queries = blobs[number % len(blobs)]
        listing["images"].append({"id": number, "height": size.height, "width": size.width})
        about = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "area": float(mask.area(truth))}
        listing["annotations"].append({**about, "segmentation": text(truth), "bbox": mask.toBbox(truth).tolist()})
        scores = rng.random(QUERIES).tolist()
        pairs = zip(queries, scores, strict=True)
        results += [{"image_id": number, "category_id": 1, "segmentation": text(query), "score": score} for query, score in pairs]
    paths = folder / f"{size.name}.json", folder / f"{size.name}_results.json"
    for path, content in zip(paths, (listing, results), strict=True):
        path.write_text(json.dumps(content))
    return paths


def draw(size: Size, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The truth and its queries, as run lengths."""
    centre, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.08, 0.3)
    off = [0.0, *(rng.choice([0.005, 0.02, 0.1]) for _ in range(QUERIES))]
    masks = [blob(size, centre + rng.normal(0, by, 2), radius * (1 + by), rng) for by in off]
    return [mask.encode(np.asfortranarray(pixels, np.uint8)) for pixels in masks]


def blob(size: Size, centre: NDArray[np.float64], radius: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    y, x = np.mgrid[: size.height, : size.width]
    dy, dx = y - centre[0] * size.height, x - centre[1] * size.width
    angle = np.arctan2(dy, dx)
    outline = sum(rng.uniform(-0.1, 0.1) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(2, 6))
    inside: NDArray[np.bool_] = np.hypot(dy, dx) < radius * size.height * (1 + outline)
    return inside


def text(runs: dict[str, Any]) -> dict[str, Any]:
    return {"size": list(runs["size"]), "counts": runs["counts"].decode()}


def cpu_seconds(score: Callable[[Path, Path], dict[str, float]], truth: Path, results: Path) -> float:
    start = time.process_time()
    score(truth, results)
    return time.process_time() - start


def compare(folder: Path, instances: int, rounds: int) -> bool:
    """Prints a line per size; raises AssertionError where a number differs."""
    met = True
    print(f"CPU s for {instances} instances of {QUERIES} queries, files to numbers, least of {rounds} rounds")
    print(f"{'size':>14} {'COCOeval':>9} {'ours':>7} {'ratio':>7} {'goal':>5}")
    for size in SIZES:
        paths = write(folder, size, instances, DRAWN)
        expected, found = theirs(*paths), ours(*paths)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-9, err_msg=name)
        times = [(cpu_seconds(theirs, *paths), cpu_seconds(ours, *paths)) for _ in range(rounds)]
        slow, fast = (min(column) for column in zip(*times, strict=True))
        met &= slow / fast >= GOAL
        shape = f"{size.name} {size.height}x{size.width}"
        print(f"{shape:>14} {slow:9.3f} {fast:7.3f} {slow / fast:6.1f}x {GOAL:4.0f}x")
    return met


def many(folder: Path, instances: int) -> str:
    """CPU seconds and megabytes of that many predictions."""
    # Written by another process: what it needed would count as this one's.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        paths = pool.submit(write, folder, SIZES[0], instances, DRAWN).result()
    size, before = sum(path.stat().st_size for path in paths) / 1e6, peak()
    seconds = cpu_seconds(ours, *paths)
    return f"{instances * QUERIES} predictions in {size:.0f} MB of JSON: {seconds:.1f} s, at most {peak() - before:.0f} MB more memory"


def peak() -> float:
    """Megabytes, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--instances", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--many", type=int, default=20_000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        ours(*write(Path(folder), Size("small", 24, 32), 2, 2))
        print(f"first call, numba's compilation or its cache: {time.perf_counter() - start:.2f} s")
        print(many(Path(folder), arguments.many))
        print("met" if compare(Path(folder), arguments.instances, arguments.rounds) else "not met")


if __name__ == "__main__":
    main()
