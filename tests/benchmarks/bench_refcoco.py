"""The index of RefCOCO's training sentences: CPU seconds and megabytes to read a JSON of about their number and size.

Run as `python tests/benchmarks/bench_refcoco.py`. 120,000 sentences, three about one object, in 17,000 images, 30 points a polygon.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from vdit.benchmarks import refcoco

SENTENCES_PER_OBJECT = 3
POINTS = 30


def write(root: Path, sentences: int, images: int) -> None:
    """A listing of that many sentences, and image files that hold nothing: an index opens none."""
    rng = np.random.default_rng(0)
    names = [f"COCO_train2014_{number:012d}.jpg" for number in range(images)]
    (root / "train2014").mkdir()
    for name in names:
        (root / "train2014" / name).touch()
    listing: dict[str, list[object]] = {"images": [], "annotations": []}
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for number in range(1, sentences + 1):
        if number % SENTENCES_PER_OBJECT == 1:
            radii = rng.uniform(40, 120, (POINTS, 1))
            polygon = (rng.uniform((150, 150), (490, 330)) + radii * circle).round(2).ravel().tolist()
            name, box = names[int(rng.integers(images))], [polygon[0], polygon[1], 100.0, 100.0]
        sentence = {"id": number, "file_name": name, "height": 480, "width": 640, "original_id": number, "dataset_name": "refcoco"}
        listing["images"].append({**sentence, "caption": f"the person on the left in sentence {number}"})
        annotation = {"id": number, "image_id": number, "segmentation": [polygon], "bbox": box, "iscrowd": 0, "area": 1e4}
        listing["annotations"].append({**annotation, "category_id": 1, "original_id": number})
    (root / "refcoco").mkdir()
    (root / "refcoco" / "instances_refcoco_train.json").write_text(json.dumps(listing))


def peak() -> float:
    """Megabytes, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=120_000)
    parser.add_argument("--images", type=int, default=17_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Written by another process: what it needed would count as this one's.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pool.submit(write, Path(folder), arguments.sentences, arguments.images).result()
        before, started = peak(), time.process_time()
        split = refcoco.read(Path(folder), "refcoco/train", 1)
        print(f"{len(split.videos)} sentences: {time.process_time() - started:.1f} s, at most {peak() - before:.0f} MB")


if __name__ == "__main__":
    main()
