"""Label maps from PNG files of anyone's making: what is no label map, or is damaged anywhere, is refused with its name.

Pillow reads a file whose end is cut off, or in which a flipped bit has changed pixels, without a word. So the checksum of every chunk is
looked at first: a compressed label map has a few kilobytes.

H W pixels.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.benchmarks._images import UNUSABLE
from vdit.score.result import UnusableError

Labels: TypeAlias = NDArray[np.uint8]  # [H, W]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FRAME = struct.Struct(">I4s")  # before a chunk's body, its length and name; behind it, four bytes of checksum
LABELS = ("P", "L", "1")
AGAIN = "write it again"
EXPECTED = "write a palette or 8-bit grey PNG of object ids"


def labels(path: Path) -> Labels:
    """Pixel values of a palette or grey PNG; a 1-bit one gives 0 and 1. Raises UnusableError for any other file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableError(path, f"cannot be read ({error.strerror})", AGAIN) from error
    _check(path, data)
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in LABELS:
                raise UnusableError(path, f"is {image.mode}, not a label map", EXPECTED)
            return np.array(image, np.uint8)
    except UNUSABLE as error:
        raise UnusableError(path, f"is damaged ({str(error).splitlines()[0]})", AGAIN) from error


def _check(path: Path, data: bytes) -> None:
    """Every chunk is whole, and the last one is there."""
    if not data.startswith(SIGNATURE):
        raise UnusableError(path, "is no PNG", EXPECTED)
    position, name = len(SIGNATURE), b""
    while name != b"IEND":
        if position + FRAME.size > len(data):
            raise UnusableError(path, f"is truncated ({len(data)} bytes, no end of image)", AGAIN)
        length, name = FRAME.unpack_from(data, position)
        end = position + FRAME.size + length
        if end + 4 > len(data):
            raise UnusableError(path, f"is truncated ({len(data)} bytes, no end of image)", AGAIN)
        if zlib.crc32(data[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise UnusableError(path, f"is damaged (checksum of {name.decode('latin-1')})", AGAIN)
        position = end + 4
