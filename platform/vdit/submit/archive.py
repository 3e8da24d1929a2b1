"""A zip for a server: made only of a folder that holds exactly the listed masks, each as it should be, and always the same bytes."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vdit.appearing import appearing
from vdit.benchmarks._images import UNUSABLE
from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.submit.png import FOREGROUND
from vdit.video import Video

# The earliest that a zip can tell: when a mask was written is of no interest, and would change the bytes.
DATE = (1980, 1, 1, 0, 0, 0)
PLAIN_FILE = 0o100644 << 16
UNIX = 3


def pack(folder: Path, split: RefYouTubeVOS, to: Path, prefix: str) -> list[str]:
    """Writes the zip with `prefix` before each path; or, where anything is wrong, nothing: each problem names its file and the remedy."""
    expected = [name for video in split.videos for name in names(video)]
    problems = [*strangers(folder, set(expected)), *(found for video in split.videos for found in wrong(folder, split, video))]
    if not problems:
        with appearing(to) as draft:
            write(draft, folder, sorted(expected), prefix)
    return problems


def names(video: Video) -> Iterator[str]:
    for expression in video.expressions:
        yield from (f"{video.id}/{expression.id}/{frame}.png" for frame in video.frames)


def strangers(folder: Path, expected: set[str]) -> Iterator[str]:
    """Files that the split does not list: a server may refuse them, or take them for something.

    Hidden ones are none: a prediction that was killed leaves drafts, and another may be writing now. They are not packed.
    """
    if not folder.is_dir():
        yield f"{folder} does not exist; predict the split first"
        return
    for place, _, files in sorted(os.walk(folder)):
        for name in sorted(files):
            path = Path(place) / name
            listed = path.relative_to(folder)
            if listed.as_posix() not in expected and not any(part.startswith(".") for part in listed.parts):
                yield f"{path} is not listed in the split; move it away"


def wrong(folder: Path, split: RefYouTubeVOS, video: Video) -> Iterator[str]:
    """What is missing or not a binary mask of the frame's size, of one video."""
    if not (folder / video.id).is_dir():
        if folder.is_dir():
            yield f"{folder / video.id} does not exist; predict the video"
        return
    size = split.size(video)
    for name in names(video):
        path = folder / name
        found = fault(path, size) if path.is_file() else "does not exist"
        if found:
            yield f"{path} {found}; predict the video again"


def fault(path: Path, size: tuple[int, int]) -> str:
    """What is wrong with a mask that is there; nothing where it is right."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
            mode = image.mode
    except UNUSABLE as error:
        return f"cannot be read ({str(error).splitlines()[0]})"
    if mode != "L":
        return f"has mode {mode}, expected L (8-bit grey)"
    if pixels.shape != size:
        return f"is {pixels.shape[1]}x{pixels.shape[0]}, its frame is {size[1]}x{size[0]}"
    return "" if ((pixels == 0) | (pixels == FOREGROUND)).all() else f"has other values than 0 and {FOREGROUND}"


def write(path: Path, folder: Path, files: list[str], prefix: str) -> None:
    """PNGs are compressed already, and storing them makes the bytes independent of the compressor's version."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in files:
            entry = zipfile.ZipInfo(prefix + name, DATE)
            entry.create_system, entry.external_attr = UNIX, PLAIN_FILE
            archive.writestr(entry, (folder / name).read_bytes())
