"""Small RefCOCO, RefCOCO+ and RefCOCOg as they are distributed: Python-2 pickles beside excerpts of COCO."""

import io
import json
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 40, 60
SPLITS = {
    "refcoco": ("unc", ("train", "val", "testA", "testB")),
    "refcoco+": ("unc", ("train", "val", "testA", "testB")),
    "refcocog": ("umd", ("train", "val", "test")),
}


class Python2(pickle._Pickler):
    """Writes text as Python 2 wrote its `str`: bytes of no encoding."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_str(self, text: str) -> None:
        data = text.encode("latin-1")
        if not self.bin:
            self.write(pickle.STRING + repr(data)[1:].encode() + b"\n")
        elif len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = save_str


def dump(value: object, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    Python2(buffer, protocol).dump(value)
    return buffer.getvalue()


def write(root: Path) -> Path:
    """An image and two objects for each split: one of two sentences, one of one; and an object that no sentence is about."""
    (root / "train2014").mkdir(parents=True)
    for name, (by, splits) in SPLITS.items():
        (root / name).mkdir()
        content = [references(name, 10 * number, split) for number, split in enumerate(splits)]
        images, annotations = ([instance for _, *found in content for instance in found[part]] for part in (0, 1))
        for image in images:
            Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(root / "train2014" / image["file_name"])
        instances = {"info": {}, "images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        (root / name / "instances.json").write_text(json.dumps(instances))
        # Both protocols of Python 2 are to be read.
        (root / name / f"refs({by}).p").write_bytes(dump([ref for refs, *_ in content for ref in refs], 0 if by == "umd" else 2))
    return root


def references(name: str, first: int, split: str) -> tuple[list[dict], list[dict], list[dict]]:
    """References, images and annotations of a split; ids count from `first`."""
    image = {"id": first, "file_name": f"COCO_train2014_{name}_{split}.jpg", "height": HEIGHT, "width": WIDTH, "license": 3}
    said = {first + 1: (f"the café in {split}", "a second one"), first + 2: ("left of it",)}
    refs = [
        {
            "ref_id": key,
            "ann_id": key,
            "image_id": first,
            "category_id": 1,
            "split": split,
            "file_name": f"COCO_train2014_{first}_{key}.jpg",
            "sent_ids": list(range(len(texts))),
            "sentences": [
                {"sent": text, "raw": text.upper(), "sent_id": number, "tokens": text.split()} for number, text in enumerate(texts)
            ],
        }
        for key, texts in said.items()
    ]
    return refs, [image], [annotation(key, first) for key in (first + 1, first + 2, first + 3)]


def annotation(key: int, image: int) -> dict:
    left = key % 10 * 10
    outline = [left, 5, left + 8, 5, left + 8, 25, left, 25]
    return {
        "id": key,
        "image_id": image,
        "category_id": 1,
        "segmentation": [outline],
        "area": 160,
        "bbox": [left, 5, 8, 20],
        "iscrowd": 0,
    }
