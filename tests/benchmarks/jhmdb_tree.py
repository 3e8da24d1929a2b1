"""Small valid trees in the layout of JHMDB-Sentences: videos whose grey tells the frame, with a red actor who steps to the right."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

HEIGHT, WIDTH = 48, 64
# Action, length of the masks, listed frames (counted from 1) and sentence, by video. There is a frame more than masks.
VIDEOS = {
    "catching": ("catch", 8, (1, 4, 8), "A man  catching a ball"),
    "going": ("walk", 3, (2,), "woman walking"),
}
JSON = "jhmdb_sentences_samples_metadata.json"


def write(root: Path) -> Path:
    """Returns the data set's folder."""
    rows = []
    for name, (action, length, listed, text) in VIDEOS.items():
        folder, mat = root / "Rename_Images" / action / name, root / "puppet_mask" / action / name / "puppet_mask.mat"
        folder.mkdir(parents=True)
        mat.parent.mkdir(parents=True)
        for index in range(length + 1):
            Image.fromarray(picture(index)).save(folder / f"{index + 1:05d}.png")
        savemat(mat, {"part_mask": np.stack([actor(index) for index in range(length)], axis=2).astype(np.uint8)}, do_compression=True)
        # As MTTR's file has them: below a folder of its authors.
        paths = [f"./jhmdb_sentences/Rename_Images/{action}/{name}/{frame:05d}.png" for frame in listed]
        rows += [(name, path, f"./jhmdb_sentences/puppet_mask/{action}/{name}/puppet_mask.mat", length, text) for path in paths]
    (root / JSON).write_text(json.dumps(rows))
    return root


def grey(index: int) -> int:
    return 20 + 10 * index


def actor(index: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[10:40, 5 + 4 * index : 15 + 4 * index] = True
    return mask


def picture(index: int) -> NDArray[np.uint8]:
    pixels = np.full((HEIGHT, WIDTH, 3), grey(index), np.uint8)
    pixels[actor(index)] = (220, 30, 30)
    return pixels
