"""Anybody's video, a file or a folder of frames, window by window: in memory is one window, however long the video."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.benchmarks import _images
from vdit.benchmarks.ref_youtube_vos import measure
from vdit.video import Frames

SUFFIXES = (".jpg", ".jpeg", ".png")
# Frames a second of a folder, which does not tell: DAVIS's.
RATE = 24.0


class Footage(Protocol):
    """`rate` is in frames a second."""

    @property
    def path(self) -> Path: ...
    @property
    def rate(self) -> float: ...

    def images(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each frame's name and its pixels, [H, W, 3] RGB, all of one size. Raises ValueError where it cannot be decoded."""
        ...

    def frames(self) -> int:
        """How many there are, as the folder has or the file says; a file may say more than can be decoded, where it was cut."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A video file. Frames are named by their running index, and turned as a player would turn them."""

    path: Path
    rate: float
    announced: int

    def frames(self) -> int:
        return self.announced

    def images(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        capture = cv2.VideoCapture(str(self.path))
        try:
            for index in count():
                there, image = capture.read()
                if not there:
                    return
                yield f"{index:05d}", cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of JPEGs or PNGs, in the order of their names, short ones first."""

    path: Path
    rate: float
    files: tuple[Path, ...]

    def frames(self) -> int:
        return len(self.files)

    def images(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        first = None
        for path in self.files:
            image = _images.frame(path) if path.suffix.lower() != ".png" else _png(path)
            first = image if first is None else first
            if image.shape != first.shape:
                raise ValueError(f"{path} is {measure(image)}, but {self.files[0].name} is {measure(first)}; resize the frames to one size")
            yield path.stem, image


def footage(path: Path) -> Footage:
    """Raises ValueError where there is no such file or folder, or nothing in it is a video or a frame."""
    if path.is_dir():
        found = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
        # 2 comes before 10, as it does where masks are scored (score/_trees.py).
        files = tuple(sorted(found, key=lambda file: (len(file.stem), file.name)))
        stems = {file.stem for file in files}
        if not files or len(stems) < len(files):
            fault = "two frames of one name" if files else f"no frames ({', '.join(SUFFIXES)})"
            raise ValueError(f"{path} has {fault}; give --video a video file, or a folder with one image a frame")
        return Folder(path, RATE, files)
    if not path.is_file():
        raise ValueError(f"{path}: no such video; give --video a file, or a folder of frames")
    capture = cv2.VideoCapture(str(path))
    try:
        opened, rate, announced = capture.isOpened(), capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        readable = opened and capture.read()[0]
    finally:
        capture.release()
    if not readable:
        raise ValueError(f"{path} cannot be decoded as a video ({path.stat().st_size} bytes); encode it anew, as H.264 in an mp4 say")
    return File(path, rate if rate > 0 else RATE, announced)


def clips(source: Footage, window: int) -> Iterator[tuple[tuple[str, ...], Frames]]:
    """Names and pixels of `window` frames at a time."""
    images = source.images()
    while part := list(islice(images, window)):
        yield tuple(name for name, _ in part), np.stack([image for _, image in part])


def _png(path: Path) -> NDArray[np.uint8]:
    """[H, W, 3] RGB of a PNG; its alpha is left out. Pillow refuses a truncated one."""
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except _images.UNUSABLE as error:
        raise ValueError(f"{path} cannot be read ({_images.reason(error)}); save it again") from error
