"""Scores of detections in COCO's format: the protocol of A2D-Sentences, JHMDB-Sentences and RefCOCO (Tables 2 and 4).

An "image" is one object that an expression refers to in one frame, and has one truth; a method gives it some masks with scores. The best
one is its answer for precision and IoU; mAP ranks them all.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from vdit.metrics import average_precision, mean_iou, overall_iou, precision
from vdit.score import coco, outlines
from vdit.score.coco import Prediction, Truth
from vdit.score.result import Options, Problem, Result, admit

PROTOCOL = "detections: best-scored query for precision and IoU (in float32, of equal scores the last listed), all queries for mAP"
# What instances.parquet has; the other columns serve AP by size and crowds.
COLUMNS = ["image", "query", "score", "intersection", "union"]
REMEDY = "mend this entry and score again"


class Row(NamedTuple):
    """A mask against its image's truth. `area_truth` is what the annotation says, which an outline's pixels may differ from."""

    image: str
    score: float
    intersection: int
    union: int
    area_truth: float
    area_prediction: int
    crowd: bool


def score(truth: Path, predictions: Path, options: Options) -> Result:
    """Of a COCO results file against a COCO ground truth. Predictions are read and counted one by one.

    With `empty`, an image without a prediction gets an empty mask, ranked last. Raises ValueError naming file, place and remedy for a
    broken file, and for what `options` does not admit.
    """
    truths = coco.truths(truth)
    problems: list[Problem] = []
    rows = list(_counted(coco.predictions(predictions), truths, problems))
    given = {row.image for row in rows}
    lacking = {key: own for key, own in truths.items() if coco.name(key) not in given}
    problems += [Problem("missing", str(predictions), f"has no prediction for image {key!r}", "add one") for key in lacking]
    admitted = admit(problems, options.missing)
    table = _table([*rows, *(_nothing(coco.name(key), own) for key, own in lacking.items())])
    found = numbers(table)
    return Result(
        protocol=PROTOCOL,
        numbers={**found, "instances": len(truths), "predictions": len(rows)},
        summary=pd.DataFrame({f"{len(truths)} instances": {name: 100 * value for name, value in found.items() if value >= 0}}),
        rows=table[COLUMNS],
        found=len(truths) - len(lacking),
        wanted=len(truths),
        problems=admitted,
    )


def numbers(instances: pd.DataFrame) -> dict[str, float]:
    """Every number of the protocol, from 0 to 1; AP of a size that no truth has is -1, as COCO's evaluation writes it."""
    # Numbers in the order of the names: every metric sorts by image, and text is slow to sort.
    instances = instances.assign(image=pd.factorize(instances["image"], sort=True)[0])
    ap = average_precision.by_size(instances, tuple(average_precision.SIZES))
    thresholds = [round(float(threshold), 2) for threshold in average_precision.THRESHOLDS]
    at = dict(zip(thresholds, ap["all"].tolist(), strict=True))
    found = {"mAP 0.5:0.95": float(np.mean(ap["all"])), "AP 0.5": at[0.5], "AP 0.75": at[0.75]}
    found |= {f"mAP {size[0].upper()}": float(np.mean(ap[size])) for size in ("small", "medium", "large")}
    found = {name: -1.0 if np.isnan(value) else value for name, value in found.items()}
    found |= {f"P@{threshold}": share for threshold, share in precision.measure(instances).items()}
    return found | {"overall_iou": overall_iou.measure(instances), "mean_iou": mean_iou.measure(instances)}


def _counted(
    predictions: Iterable[tuple[str, Prediction | ValueError]], truths: Mapping[coco.Id, Truth], problems: list[Problem]
) -> Iterator[Row]:
    """The rows of predictions that are in order; what is wrong with the others is added to `problems`."""
    for place, given in predictions:
        if isinstance(given, ValueError):
            problems.append(Problem("unusable", place, str(given), REMEDY))
        elif given.image_id not in truths:
            problems.append(Problem("unknown", place, f"is for image {given.image_id!r}, which the truth has not", "remove it"))
        else:
            try:
                yield _row(given, truths[given.image_id])
            except ValueError as error:
                problems.append(Problem("unusable", place, f"segmentation {error}", REMEDY))


def _row(given: Prediction, truth: Truth) -> Row:
    own = outlines.checked(given.segmentation, truth.height, truth.width)
    both = outlines.intersection(own, truth.outline)
    union = own.pixels + truth.outline.pixels - both
    return Row(coco.name(given.image_id), given.score, both, union, truth.area, own.pixels, truth.crowd)


def _nothing(name: str, truth: Truth) -> Row:
    """An empty mask behind all others, so that it is no better and no worse than none."""
    return Row(name, -np.inf, 0, truth.outline.pixels, truth.area, 0, truth.crowd)


def _table(rows: list[Row]) -> pd.DataFrame:
    """`query` counts an image's predictions in the order of the file."""
    table = pd.DataFrame(rows, columns=list(Row._fields))
    table.insert(1, "query", table.groupby("image", sort=False).cumcount())
    return table.astype({"score": np.float64})
