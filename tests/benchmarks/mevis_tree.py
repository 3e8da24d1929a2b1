"""A small MeViS as its archive holds it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask

HEIGHT, WIDTH, FRAMES = 24, 32, 3
# By object: left and right edge of its box in frame 0 (it moves a pixel a frame), and the frames in which it is seen.
BOXES = {"7": (2, 6, (0, 1, 2)), "8": (12, 18, (0, 2)), "9": (22, 28, (1,)), "40": (3, 9, (0, 1, 2))}
# By video: sentences and the objects that they name; numbers and strings, in any order.
SENTENCES = {
    "0ab4": (("the bird flying away", [7]), ("both birds", ["8", 7]), ("The two", [7, 8]), ("the one that comes late", [9]), ("a cat", [])),
    "1cd5": (("the fish turning left", [40]),),
}


def write(root: Path) -> Path:
    """train and valid_u with the same videos, and valid, which hides its objects."""
    for split in ("train", "valid_u", "valid"):
        listing = {video: entry(sentences, split == "valid") for video, sentences in SENTENCES.items()}
        for video in SENTENCES:
            folder = root / split / "JPEGImages" / video
            folder.mkdir(parents=True)
            for frame in range(FRAMES):
                Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * frame, np.uint8)).save(folder / f"{frame:05d}.jpg")
        (root / split / "meta_expressions.json").write_text(json.dumps({"videos": listing}))
        if split != "valid":
            masks = {name: [outline(name, frame) for frame in range(FRAMES)] for name in BOXES}
            (root / split / "mask_dict.json").write_text(json.dumps(masks))
    return root


def entry(sentences: tuple[tuple[str, list[int | str]], ...], hidden: bool) -> dict:
    """A video of the JSON; its frames are not in order."""
    said = {
        str(key): {"exp": text} if hidden else {"exp": text, "obj_id": list(range(len(objects))), "anno_id": objects}
        for key, (text, objects) in enumerate(sentences)
    }
    return {"vid_id": 3, "expressions": said, "frames": [f"{frame:05d}" for frame in reversed(range(FRAMES))]}


def drawn(objects: list[int | str], frame: int) -> np.ndarray:
    """The union of the objects, as boxes."""
    found = np.zeros((HEIGHT, WIDTH), bool)
    for name in objects:
        left, right, seen = BOXES[str(name)]
        if frame in seen:
            found[5:15, left + frame : right + frame] = True
    return found


def outline(name: str, frame: int) -> dict | None:
    pixels = drawn([name], frame)
    if not pixels.any():
        return None
    runs = mask.encode(np.asfortranarray(pixels, np.uint8))
    return {"size": list(runs["size"]), "counts": runs["counts"].decode()}
