"""Loading and augmenting a training clip against Pillow one frame at a time (yardstick/clips_pil.py): CPU time, one thread, in turns.

Run as `python tests/benchmarks/bench_clips.py`. Clips of 5 frames of 854x480 from JPEGs and palette PNGs, under the augmentation of the
paper with the same draws on both sides. Goal: 2x cheaper. Frames that differ by more than a grey level, masks or boxes that differ fail.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from yardstick import clips_pil

from vdit.benchmarks import ref_youtube_vos
from vdit.clips.sampling import view
from vdit.config.data import Data
from vdit.video import Frames, Item, Masks

HEIGHT, WIDTH, FRAMES = 480, 854, 20
GOAL, GREY_LEVELS, TIES = 2.0, 1, 1e-3
Loaded = tuple[Frames, Masks, NDArray[np.float32]]


class Difference(NamedTuple):
    """Of the frames: the greatest in grey levels, and the share of values that differ."""

    most: int
    share: float


def write(root: Path) -> None:
    """A video of the benchmark's size with the detail of a photograph, in which an object drifts."""
    rng, folder, names = np.random.default_rng(0), root / "train", [f"{5 * t:05d}" for t in range(FRAMES)]
    # Noise at several scales: its JPEG takes about as many bits a pixel as a photograph's.
    octaves = [rng.normal(0, 20, (HEIGHT // step + 2, WIDTH // step + 2 + FRAMES, 3)).astype(np.float32) for step in (1, 4, 16, 64)]
    for kind in ("JPEGImages", "Annotations"):
        (folder / kind / "video").mkdir(parents=True)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for t, name in enumerate(names):
        layers = [
            cv2.resize(octave[:, t : t + octave.shape[1] - FRAMES], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for octave in octaves
        ]
        weights = (0.25, 0.75, 1.5, 2.0)
        picture = 118 + sum(weight * layer for weight, layer in zip(weights, layers, strict=True))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"JPEGImages/video/{name}.jpg", quality=90)
        labels = (np.hypot((y - 200 - 3 * t) / 90, (x - 300 - 8 * t) / 140) < 1).astype(np.uint8)
        labels[(y - 380) ** 2 + (x - 700) ** 2 < 60**2] = 2
        mask = Image.fromarray(labels)
        mask.putpalette((0, 0, 0, 236, 95, 103, 249, 145, 87))
        mask.save(folder / f"Annotations/video/{name}.png")
    listing = root / "meta_expressions/train/meta_expressions.json"
    listing.parent.mkdir(parents=True)
    listing.write_text(
        json.dumps({"videos": {"video": {"expressions": {"0": {"exp": "the one on the left", "obj_id": "1"}}, "frames": names}}})
    )


class Loader:
    """Both forms over one folder."""

    def __init__(self, root: Path, data: Data) -> None:
        self.folder, self.data = root / "train", data
        self.split = ref_youtube_vos.read(root, "train", data.frames)

    def ours(self, key: int) -> Loaded:
        clip = view(self.split, self.item(key), self.data, (0, 0, key, 0))
        return clip.frames, clip.masks, clip.boxes_T4

    def pillow(self, key: int) -> Loaded:
        names = self.split.videos[0].frames
        return clips_pil.sample(clips_pil.view(self.folder, names, self.item(key).start, self.data, (0, 0, key, 0)))

    def item(self, key: int) -> Item:
        return self.split.items[key % len(self.split.items)]


def compare(ours: Loaded, expected: Loaded) -> Difference:
    """Raises AssertionError where they are not the same clip."""
    difference = np.abs(ours[0].astype(np.int16) - expected[0])
    assert difference.max() <= GREY_LEVELS, f"frames differ by {difference.max()} grey levels"
    # Nearest pixels are the same but where a centre falls between two: Pillow adds up its place, and rounds it either way.
    assert (ours[1] != expected[1]).mean() < TIES, "masks differ"
    np.testing.assert_allclose(ours[2], expected[2], atol=1e-3)
    return Difference(int(difference.max()), float((difference > 0).mean()))


def cpu_seconds(load: Callable[[int], Loaded], keys: range) -> float:
    """Per clip."""
    start = time.process_time()
    for key in keys:
        load(key)
    return (time.process_time() - start) / len(keys)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clips", type=int, default=32)
    options.add_argument("--rounds", type=int, default=6)
    given = options.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        loader, keys = Loader(Path(folder), Data()), range(given.clips)
        start = time.perf_counter()
        loader.ours(0)
        print(f"first clip, with numba's compilation or its cache: {time.perf_counter() - start:.2f} s")
        found = [compare(loader.ours(key), loader.pillow(key)) for key in keys]
        rounds = [(cpu_seconds(loader.pillow, keys), cpu_seconds(loader.ours, keys)) for _ in range(given.rounds)]
    slow, fast = (min(times) for times in zip(*rounds, strict=True))
    most, share = max(one.most for one in found), float(np.mean([one.share for one in found]))
    print(f"{given.clips} clips: frames differ by at most {most} grey level, in {share:.1e} of the values")
    print("CPU ms per clip of 5 frames of 854x480, least of the rounds")
    print(f"{'Pillow':>8} {'ours':>8} {'ratio':>7} {'goal':>5}")
    print(f"{slow * 1e3:8.1f} {fast * 1e3:8.1f} {slow / fast:6.2f}x {GOAL:4.0f}x")


if __name__ == "__main__":
    main()
