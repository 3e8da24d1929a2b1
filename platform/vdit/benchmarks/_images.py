"""Decoding of frames and label maps, with errors that name the file.

OpenCV decodes a JPEG 1.3 times as fast as Pillow, to the same pixels. OpenCV 4 accepts a truncated file (the rest of the picture is grey),
so the end of the image is looked for first.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.video import Frames

START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
AGAIN = "restore it from the archive"
# What Pillow raises for a file that is no picture, is broken in one of its chunks, or says it has more pixels than memory is given for.
UNUSABLE = (OSError, SyntaxError, Image.DecompressionBombError)


def frame(path: Path) -> NDArray[np.uint8]:
    """[H, W, 3] RGB of a JPEG as it is stored (an EXIF rotation is not applied: masks know nothing of it)."""
    data = read(path)
    # Neither marker can occur inside the entropy-coded data, and a thumbnail's end comes before the picture's scan.
    if data.find(START_OF_SCAN, max(0, data.rfind(END_OF_IMAGE))) >= 0:
        raise ValueError(f"{path} is truncated ({len(data)} bytes, no end of image); {AGAIN}")
    image = decoded(data)
    if image is None:
        raise ValueError(f"{path} is not a readable image ({len(data)} bytes); {AGAIN}")
    return image


def decoded(data: bytes) -> NDArray[np.uint8] | None:
    """None where it is no picture, or says it has more pixels than OpenCV decodes."""
    if not data:
        return None
    try:
        image: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), AS_STORED)
    except cv2.error:
        return None
    return image


def frames(paths: list[Path]) -> Frames:
    """JPEGs of one video, which are of one size."""
    first = frame(paths[0])
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    pixels[0] = first
    for path, out in zip(paths[1:], pixels[1:], strict=True):
        image = frame(path)
        if image.shape != first.shape:
            of_video = f"{paths[0].name} of its video is {first.shape[1]}x{first.shape[0]}"
            raise ValueError(f"{path} is {image.shape[1]}x{image.shape[0]}, but {of_video}; restore both")
        out[:] = image
    return pixels


def png(path: Path) -> NDArray[np.uint8]:
    """[H, W, 3] RGB of a PNG of any mode."""
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except UNUSABLE as error:
        raise ValueError(f"{path} cannot be read ({reason(error)}); {AGAIN}") from error


def size(path: Path) -> tuple[int, int]:
    """Height and width from the file's header, without decoding the pixels."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UNUSABLE as error:
        raise ValueError(f"{path} cannot be read ({reason(error)}); {AGAIN}") from error


def labels(path: Path) -> NDArray[np.uint8]:
    """[H, W] pixel values of a palette or grey PNG. Other modes are refused: colours or single bits are not object ids."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L"):
                raise ValueError(f"{path} has mode {image.mode}; a mask is a palette (P) or 8-bit grey (L) PNG of object ids: convert it")
            return np.array(image)
    except UNUSABLE as error:
        raise ValueError(f"{path} cannot be read ({reason(error)}); {AGAIN}") from error


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({reason(error)}); {AGAIN}") from error


def reason(error: Exception) -> str:
    """What went wrong, without the path that the message names already."""
    return (getattr(error, "strerror", None) or str(error).splitlines()[0]).split(" '")[0]
