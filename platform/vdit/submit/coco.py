"""Detections as COCO's results (Tables 2 and 4; spec section 6), with the ground truth that scores them (`vdit score detections`).

Layout     results.json: a list of image_id, category_id, segmentation (compressed run lengths) and score, all queries of an image
           in the model's own order, which decides between equal scores; coco.json: images, annotations, categories
Image      one expression's object in one frame, as in a trial's instances.parquet; its one truth is an object, no crowd
Parts      parts/<number>.json, one a video: what is there is not predicted again. They go when the two files are whole
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdit.appearing import appearing
from vdit.benchmarks import _outlines
from vdit.video import Masks

RESULTS, TRUTH, PARTS = "results.json", "coco.json", "parts"
# The benchmarks know one; COCO's evaluation wants a number.
CATEGORY = 1


def part(out: Path, index: int) -> Path:
    """The part of the video of that index in its split."""
    return out / PARTS / f"{index:06d}.json"


def image(name: str, scores_Q: NDArray[np.float64], masks_QHW: Masks, truth_HW: Masks) -> dict[str, Any]:
    """What an image adds to the files. The annotation has no id yet: COCO's evaluation takes numbers from 1 on."""
    height, width = truth_HW.shape
    annotation = {
        "image_id": name,
        "category_id": CATEGORY,
        "segmentation": _outlines.written(truth_HW),
        "area": int(np.count_nonzero(truth_HW)),
        "bbox": box(truth_HW),
        "iscrowd": 0,
    }
    results = [
        {"image_id": name, "category_id": CATEGORY, "segmentation": _outlines.written(mask_HW), "score": float(score)}
        for score, mask_HW in zip(scores_Q, masks_QHW, strict=True)
    ]
    return {"image": {"id": name, "height": height, "width": width}, "annotation": annotation, "results": results}


def box(mask_HW: Masks) -> list[int]:
    """x, y, width and height of the pixels; zeros where there is none."""
    rows, columns = (np.flatnonzero(mask_HW.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return [0, 0, 0, 0]
    return [int(number) for number in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)]


def write_part(path: Path, images: Iterable[dict[str, Any]]) -> None:
    with appearing(path) as draft:
        draft.write_text(json.dumps(list(images), ensure_ascii=False))


def merge(out: Path, parts: int) -> None:
    """The two files of all parts; in memory is one part. The results come last: where they are, all is done."""
    with appearing(out / TRUTH) as draft, draft.open("w") as file:
        file.write('{"images": ')
        file.writelines(listed(one["image"] for one in images(out, parts)))
        file.write(',\n"annotations": ')
        file.writelines(listed({"id": number, **one["annotation"]} for number, one in enumerate(images(out, parts), 1)))
        file.write(f',\n"categories": {json.dumps([{"id": CATEGORY, "name": "object"}])}}}\n')
    with appearing(out / RESULTS) as draft, draft.open("w") as file:
        file.writelines(listed(found for one in images(out, parts) for found in one["results"]))
        file.write("\n")
    clear(out)


def images(out: Path, parts: int) -> Iterator[dict[str, Any]]:
    for index in range(parts):
        yield from json.loads(part(out, index).read_text())


def listed(entries: Iterable[object]) -> Iterator[str]:
    """A JSON list, an entry a line."""
    yield "["
    for number, entry in enumerate(entries):
        yield f"{',' if number else ''}\n{json.dumps(entry, ensure_ascii=False)}"
    yield "\n]"


def finished(out: Path) -> bool:
    return (out / RESULTS).is_file()


def clear(out: Path) -> None:
    """Takes the parts away, which an interrupted `merge` may have left."""
    if (out / PARTS).is_dir():
        shutil.rmtree(out / PARTS)
