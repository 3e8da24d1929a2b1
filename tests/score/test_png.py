"""Label maps against Pillow's decoding of the same files, over every filter, depth and kind of file; damage is named."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vdit.score._png import SIGNATURE, labels
from vdit.score.result import UnusableError

RNG = np.random.default_rng(0)
SMOOTH = np.repeat(np.repeat(RNG.integers(0, 5, (7, 9), np.uint8), 5, axis=0), 6, axis=1)
NOISE = RNG.integers(0, 256, (33, 47), np.uint8)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def encoded(rows: bytes, height: int, width: int, colour: int = 0, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def with_filter(pixels: NDArray[np.uint8], kind: int) -> bytes:
    """Every row under one filter, written down from the specification."""
    wide = np.pad(pixels.astype(int), ((1, 0), (1, 0)))
    left, up, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    distances = np.stack([abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)])
    paeth = np.choose(distances.argmin(axis=0), [left, up, corner])
    guess = [0 * left, left, up, (left + up) // 2, paeth][kind]
    return b"".join(bytes([kind]) + row.tobytes() for row in (pixels - guess).astype(np.uint8))


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("pixels", [SMOOTH, NOISE, NOISE[:1], NOISE[:, :1], NOISE[:1, :1]], ids=lambda pixels: str(pixels.shape))
def test_every_filter_is_undone(kind: int, pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(encoded(with_filter(pixels, kind), *pixels.shape))
    np.testing.assert_array_equal(np.array(Image.open(path)), pixels)  # the test's own file is a right one
    np.testing.assert_array_equal(labels(path), pixels)


@pytest.mark.parametrize("mode", ["L", "P", "P with few colours", "1", "by OpenCV"])
def test_what_others_write_is_read_as_pillow_reads_it(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    if mode == "by OpenCV":
        cv2.imwrite(str(path), SMOOTH)
    elif mode == "1":
        Image.fromarray(SMOOTH > 2).save(path)
    else:
        image = Image.fromarray(SMOOTH)
        if mode[0] == "P":
            image.putpalette([value for value in range(256) for _ in range(3)])
        image.save(path, **({"bits": 4} if mode == "P with few colours" else {}))
    with Image.open(path) as image:
        np.testing.assert_array_equal(labels(path), np.array(image).astype(np.uint8))
    assert labels(path).max() == (1 if mode == "1" else 4)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_colours_are_no_object_ids(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.new(mode, (4, 3)).save(path)
    with pytest.raises(UnusableError, match=r"mask\.png is .*(RGB|grey).*; write a palette or 8-bit grey PNG"):
        labels(path)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(NOISE).save(path)
    whole = path.read_bytes()
    for length in [*range(0, 60), len(whole) // 2, len(whole) - 13, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(UnusableError, match=r"mask\.png is (no PNG|truncated)"):
            labels(path)


def test_damage_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    rows = with_filter(NOISE, 0)
    good = encoded(rows, *NOISE.shape)
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0xFF
    many = {"flipped": bytes(flipped), "short": encoded(rows[:-1], *NOISE.shape), "filter": encoded(b"\x05" + rows[1:], *NOISE.shape)}
    for name, data in many.items():
        path.write_bytes(data)
        with pytest.raises(UnusableError, match=r"mask\.png is damaged"):
            labels(path)
        assert name in many
    path.write_bytes(encoded(b"", 0, 0))
    with pytest.raises(UnusableError, match="damaged"):
        labels(path)
    with pytest.raises(UnusableError, match="cannot be read"):
        labels(tmp_path / "absent.png")
    path.write_bytes(b"GIF89a" + bytes(80))
    with pytest.raises(UnusableError, match="is no PNG"):
        labels(path)
