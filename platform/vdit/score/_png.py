"""Label maps from PNG files, decoded without holding the interpreter's lock, so that threads decode side by side.

Palette and grey PNGs of 8 bits, which is what the data sets and all public methods write, are inflated by zlib and unfiltered here. Pillow,
which reads the others, takes about twice as long and hinders other threads. zlib's checksum covers every pixel.

H W pixels.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.metrics._packed import compiled
from vdit.score.result import UnusableError

Labels: TypeAlias = NDArray[np.uint8]  # [H, W]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NONE, SUB, UP, AVERAGE, PAETH = range(5)
COLOURS = {2: "RGB", 4: "grey with transparency", 6: "RGB with transparency"}
HEADER = struct.Struct(">IIBBBBB")
AGAIN = "write it again"
EXPECTED = "write a palette or 8-bit grey PNG of object ids"


class Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlaced: int


def labels(path: Path) -> Labels:
    """Pixel values of a palette or grey PNG; a 1-bit one gives 0 and 1. Raises UnusableError for any other file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableError(path, f"cannot be read ({error.strerror})", AGAIN) from error
    if not data.startswith(SIGNATURE):
        raise UnusableError(path, "is no PNG", EXPECTED)
    header, compressed = _chunks(path, data)
    if header.colour in COLOURS or header.depth > 8:
        raise UnusableError(path, f"is {COLOURS.get(header.colour, '16-bit grey')}, not a label map", EXPECTED)
    if header.depth == 8 and not header.interlaced:
        return _decoded(path, header, compressed)
    try:
        with Image.open(path) as image:
            return np.array(image).astype(np.uint8)
    except (OSError, SyntaxError) as error:  # Pillow reports a broken PNG chunk as a SyntaxError
        raise UnusableError(path, f"is damaged ({str(error).splitlines()[0]})", AGAIN) from error


def _chunks(path: Path, data: bytes) -> tuple[Header, bytes]:
    """The header and the compressed pixels."""
    header, pixels = None, []
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        position += 12 + length
        if name == b"IHDR" and len(body) == HEADER.size:
            header = Header(*HEADER.unpack(body))
        elif name == b"IDAT":
            pixels.append(body)
        elif name == b"IEND" and header is not None:
            return header, b"".join(pixels)
    raise UnusableError(path, f"is truncated ({len(data)} bytes, no end of image)", AGAIN)


def _decoded(path: Path, header: Header, compressed: bytes) -> Labels:
    size = header.height * (header.width + 1)
    try:
        filtered = zlib.decompress(compressed, bufsize=max(size, 1))
    except zlib.error as error:
        raise UnusableError(path, f"is damaged ({error})", AGAIN) from error
    if len(filtered) != size or not header.width:
        raise UnusableError(path, f"is damaged ({len(filtered)} bytes of pixels, its header says {size})", AGAIN)
    rows = np.frombuffer(filtered, np.uint8).reshape(header.height, header.width + 1)
    if rows[:, 0].max() > PAETH:
        raise UnusableError(path, "is damaged (a row has an unknown filter)", AGAIN)
    pixels_HW = np.empty((header.height, header.width), np.uint8)
    _unfilter(rows, pixels_HW)
    return pixels_HW


@compiled
def _unfilter(rows: NDArray[np.uint8], pixels_HW: Labels) -> None:
    """Undo each row's filter (PNG specification, Section 9), whose number is the row's first byte."""
    height, width = pixels_HW.shape
    above = np.zeros(width, np.uint8)
    for y in range(height):
        kind, coded, row = rows[y, 0], rows[y, 1:], pixels_HW[y]
        if kind == NONE:
            row[:] = coded
        elif kind == UP:
            _add(coded, above, row)
        else:
            _follow(kind, coded, above, row)
        above = row


@compiled
def _add(coded: NDArray[np.uint8], above: NDArray[np.uint8], row: NDArray[np.uint8]) -> None:
    for x in range(row.size):
        row[x] = np.uint8(coded[x] + above[x])


@compiled
def _follow(kind: int, coded: NDArray[np.uint8], above: NDArray[np.uint8], row: NDArray[np.uint8]) -> None:
    """The filters that look at the pixel to the left, which must be known first."""
    left = corner = 0
    for x in range(row.size):
        up = int(above[x])
        guess = left
        if kind == AVERAGE:
            guess = (left + up) >> 1
        elif kind == PAETH:
            guess = _nearest(left, up, corner)
        row[x] = np.uint8(coded[x] + guess)
        left, corner = int(row[x]), up


@compiled
def _nearest(left: int, up: int, corner: int) -> int:
    """Paeth's predictor: of the three neighbours the one nearest to left + up - corner."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
