"""Small valid trees in the layout of A2D-Sentences: videos whose grey tells the frame, with a red and a green box."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 80
# Rows and columns of each instance's box (the ends not included), and its colour in BGR.
BOXES = {0: ((8, 32, 16, 32), (0, 0, 255)), 3: ((4, 20, 48, 76), (0, 255, 0))}
MASKS = "text_annotations/a2d_annotation_with_instances"
# Sentence, video, frame (counted from 1), instance, as MTTR's JSON files have them.
TRAIN = (
    ("The  bright box on the left", "first", 1, 0),
    ("a green box", "first", 1, 3),
    ("a box standing still", "first", 7, 3),
    ("red box", "second", 3, 0),
)
TEST = (("red box", "third", 6, 0), ("green box", "third", 6, 3), ("red box", "third", 2, 0))
LENGTHS = {"first": 9, "second": 4, "third": 6}


def write(root: Path) -> Path:
    """Returns the data set's folder."""
    for name, length in LENGTHS.items():
        write_mp4(root / "Release/CLIPS320" / f"{name}.mp4", [picture(index) for index in range(length)])
    for split, rows in (("train", TRAIN), ("test", TEST)):
        (root / f"a2d_sentences_single_frame_{split}_annotations.json").write_text(json.dumps(rows))
        for video, frame in dict.fromkeys((row[1], row[2]) for row in rows):
            seen = [row[3] for row in rows if row[1:3] == (video, frame)]
            write_h5(root / MASKS / video / f"{frame:05d}.h5", {instance: box_mask(instance) for instance in seen})
    return root


def grey(index: int) -> int:
    """Of the background in a frame, counted from 0."""
    return 20 + 20 * index


def picture(index: int) -> NDArray[np.uint8]:
    """BGR, as OpenCV writes it."""
    pixels = np.full((HEIGHT, WIDTH, 3), grey(index), np.uint8)
    for (top, bottom, left, right), colour in BOXES.values():
        pixels[top:bottom, left:right] = colour
    return pixels


def box_mask(instance: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    top, bottom, left, right = BOXES[instance][0]
    mask[top:bottom, left:right] = True
    return mask


def write_mp4(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24, (width, height))
    for pixels in pictures:
        writer.write(pixels)
    writer.release()


def write_h5(path: Path, masks: Mapping[int, NDArray[np.bool_]]) -> None:
    """Masks are stored by column, and that of a single instance without the dimension of the instances."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.stack([mask.T for mask in masks.values()]).astype(np.uint8)
    with h5py.File(path, "w") as file:
        file["instance"] = np.array(list(masks), np.int64)
        file["reMask"] = stored[0] if len(stored) == 1 else stored
