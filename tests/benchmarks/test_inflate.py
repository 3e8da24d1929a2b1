"""Pixels read straight out of a PNG's data are those that were written, whatever way they were packed; zlib and Pillow are the oracles."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vdit.benchmarks._inflate import SIGNATURE, labels

Pixels = NDArray[np.uint8]
RNG = np.random.default_rng(0)
SMOOTH = np.repeat(np.repeat(RNG.integers(0, 5, (9, 31), np.uint8), 13, axis=0), 11, axis=1)
NOISE = RNG.integers(0, 256, (40, 300), np.uint8)
SKEWED = (RNG.random((50, 400)) ** 12 * 256).astype(np.uint8)  # codes of many lengths
PERIODS = np.stack([np.resize(np.arange(period, dtype=np.uint8), 200) for period in range(1, 70)])
PICTURES = {
    "smooth": SMOOTH,
    "noise": NOISE,
    "skewed": SKEWED,
    "periods": PERIODS,
    "empty": np.zeros((300, 854), np.uint8),
    "one": NOISE[:1, :1],
}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(packed: bytes, shape: tuple[int, ...], parts: int = 1) -> bytes:
    header = struct.pack(">II5B", shape[1], shape[0], 8, 0, 0, 0, 0)
    step = max(-(-len(packed) // parts), 1)
    bodies = [packed[start : start + step] for start in range(0, len(packed), step)]
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunk(b"IDAT", body) for body in bodies) + chunk(b"IEND", b"")


def lines(pixels: Pixels, kinds: list[int]) -> bytes:
    """Filtered by the PNG specification's formulas, pixel by pixel; the kinds take turns."""
    padded = np.pad(pixels.astype(int), ((1, 0), (1, 0)))
    found = bytearray()
    for y, row in enumerate(padded[1:]):
        kind = kinds[y % len(kinds)]
        found.append(kind)
        for x in range(1, row.size):
            left, up, corner = row[x - 1], padded[y, x], padded[y, x - 1]
            nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            found.append(int(row[x] - (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
    return bytes(found)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED])
def test_every_way_to_pack_gives_the_same_pixels(name: str, strategy: int) -> None:
    pixels = PICTURES[name]
    plain = b"".join(b"\0" + row.tobytes() for row in pixels)
    for level in (0, 1, 6, 9):
        for flush in (zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH):
            packer = zlib.compressobj(level, zlib.DEFLATED, 15, 9, strategy)
            packed = packer.compress(plain[: len(plain) // 2]) + packer.flush(flush) * bool(flush)
            packed += packer.compress(plain[len(plain) // 2 :]) + packer.flush()
            np.testing.assert_array_equal(labels(png(packed, pixels.shape, parts=3)), pixels)


@pytest.mark.parametrize("kinds", [[0], [1], [2], [3], [4], [4, 2, 3, 1, 0]], ids=str)
def test_every_filter_is_undone(kinds: list[int]) -> None:
    for pixels in (SMOOTH[:20, :60], NOISE[:9, :50]):
        data = png(zlib.compress(lines(pixels, kinds)), pixels.shape)
        np.testing.assert_array_equal(labels(data), pixels)
        np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(data))), pixels)


@pytest.mark.parametrize("palette", [False, True])
def test_what_pillow_writes_is_read(palette: bool) -> None:
    image = Image.fromarray(SMOOTH)
    if palette:
        image.putpalette(list(range(256)) * 3)
    image.save(buffer := io.BytesIO(), "PNG")
    np.testing.assert_array_equal(labels(buffer.getvalue()), SMOOTH)


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "LA", "I;16"])
def test_other_kinds_are_left_to_pillow(mode: str) -> None:
    Image.new(mode, (4, 3)).save(buffer := io.BytesIO(), "PNG")
    assert labels(buffer.getvalue()) is None


def test_few_bits_and_interlaced_pixels_are_left_to_pillow() -> None:
    packed = zlib.compress(bytes(3 * 5))
    for kind in ((4, 0, 0, 0, 0), (8, 0, 0, 0, 1), (8, 2, 0, 0, 0), (8, 0, 1, 0, 0)):
        header = chunk(b"IHDR", struct.pack(">II5B", 4, 3, *kind))
        assert labels(SIGNATURE + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")) is None
    header = chunk(b"IHDR", struct.pack(">II5B", 4, 3, 8, 0, 0, 0, 0))
    assert labels(SIGNATURE + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")) is not None, "or nothing was tested"


def test_data_of_another_length_or_an_unknown_filter_is_not_taken() -> None:
    plain = bytes(3 * 5)
    for other in (plain[:-1], plain + b"\0", b"\5" + plain[1:]):
        assert labels(png(zlib.compress(other), (3, 4))) is None
    assert labels(png(b"", (3, 4))) is None
    assert labels(png(zlib.compress(plain), (1 << 30, 1 << 30))) is None, "nothing is allocated for it"


def test_a_file_that_is_cut_or_flipped_anywhere_is_not_taken() -> None:
    data = png(zlib.compress(b"".join(b"\0" + row.tobytes() for row in SMOOTH)), SMOOTH.shape)
    for place in range(len(data)):
        assert labels(data[:place]) is None
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        assert labels(bytes(flipped)) is None


def test_wrong_data_under_a_right_checksum_harms_nobody() -> None:
    """Each is refused, or is a picture of the size that was announced."""
    for pixels in (SMOOTH, SKEWED):
        packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
        for _ in range(2000):
            wrong = bytearray(packed)
            for place in RNG.integers(2, len(packed), 2):
                wrong[place] = RNG.integers(256)
            found = labels(png(bytes(wrong), pixels.shape))
            assert found is None or found.shape == pixels.shape
        assert all(labels(png(packed[:size], pixels.shape)) is None for size in range(2, len(packed) - 5, 7))
