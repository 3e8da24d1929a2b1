"""Instances drawn at random as COCO's JSON, counted pixel by pixel, and what COCO's own evaluation says of them."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIDE = 160


@dataclass(frozen=True)
class Drawn:
    """Truth and results as COCO has them, and the table of the same masks with all columns that the metrics know."""

    truth: dict[str, Any]
    results: list[dict[str, Any]]
    table: pd.DataFrame


def box(rng: np.random.Generator) -> np.ndarray:
    """From nothing to nearly all of the image, so that every size class occurs."""
    made = np.zeros((SIDE, SIDE), bool)
    top, left = rng.integers(0, 40, 2)
    height, width = rng.choice([0, 3, 20, 60, 118], 2)
    made[top : top + height, left : left + width] = True
    return made


def near(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.roll(truth, rng.integers(0, 12, 2), axis=(0, 1))


def encoded(pixels: np.ndarray) -> dict[str, Any]:
    runs = mask.encode(np.asfortranarray(pixels, np.uint8))
    return {"size": list(runs["size"]), "counts": runs["counts"].decode()}


def draw_instances(seed: int, images: int, most: int = 6, crowds: bool = False) -> Drawn:
    """Scores have one decimal, so that many are equal; an image has one to `most` queries, its truth may be empty."""
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {"info": {}, "images": [], "annotations": [], "categories": [{"id": 1, "name": "object"}]}
    results, rows = [], []
    for image in range(1, images + 1):
        own, crowd = box(rng), bool(crowds and rng.random() < 0.3)
        truth["images"].append({"id": image, "height": SIDE, "width": SIDE})
        about = {"id": image, "image_id": image, "category_id": 1, "area": float(own.sum()), "iscrowd": int(crowd)}
        truth["annotations"].append({**about, "segmentation": encoded(own), "bbox": [0, 0, SIDE, SIDE]})
        for query in range(int(rng.integers(1, most + 1))):
            given = near(own, rng) if rng.random() < 0.6 else box(rng)
            score = round(float(rng.random()), 1)
            results.append({"image_id": image, "category_id": 1, "segmentation": encoded(given), "score": score})
            both, either = int((own & given).sum()), int((own | given).sum())
            rows.append((f"{image:012d}", query, score, both, either, int(own.sum()), int(given.sum()), crowd))
    columns = ["image", "query", "score", "intersection", "union", "area_truth", "area_prediction", "crowd"]
    return Drawn(truth, results, pd.DataFrame(rows, columns=columns))


def coco_stats(drawn: Drawn) -> np.ndarray:
    """mAP, AP .5, AP .75, mAP of small, medium and large objects; -1 where there is none."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = drawn.truth
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(result) for result in drawn.results]), "segm")
        evaluation.params.useCats = 0
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats[:6])


@pytest.fixture(scope="session")
def draw() -> Callable[..., Drawn]:
    return draw_instances


@pytest.fixture(scope="session")
def cocoeval() -> Callable[[Drawn], np.ndarray]:
    return coco_stats
