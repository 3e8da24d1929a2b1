"""Label maps come out as they were written, whoever wrote them; every other file and every kind of damage is named."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from vdit.score._png import labels
from vdit.score.result import UnusableError

RNG = np.random.default_rng(0)
SMOOTH = np.repeat(np.repeat(RNG.integers(0, 5, (7, 9), np.uint8), 5, axis=0), 6, axis=1)
NOISE = RNG.integers(0, 256, (33, 47), np.uint8)
PALETTE = [value for value in range(256) for _ in range(3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mask.png"


@pytest.mark.parametrize("pixels", [SMOOTH, NOISE, NOISE[:1], NOISE[:, :1], NOISE[:1, :1]], ids=lambda pixels: str(pixels.shape))
@pytest.mark.parametrize("writer", ["grey", "palette", "OpenCV"])
def test_ids_come_out_as_they_went_in(writer: str, pixels: Any, path: Path) -> None:
    if writer == "OpenCV":
        cv2.imwrite(str(path), pixels)
    else:
        image = Image.fromarray(pixels)
        if writer == "palette":
            image.putpalette(PALETTE)
        image.save(path)
    np.testing.assert_array_equal(labels(path), pixels)
    assert labels(path).dtype == np.uint8


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_colours_in_few_bits_are_ids_too(bits: int, path: Path) -> None:
    pixels = SMOOTH % (1 << bits)
    image = Image.fromarray(pixels)
    image.putpalette(PALETTE)
    image.save(path, bits=bits)
    np.testing.assert_array_equal(labels(path), pixels)


def test_one_bit_is_zero_and_one(path: Path) -> None:
    Image.fromarray(SMOOTH > 2).save(path)
    np.testing.assert_array_equal(labels(path), (SMOOTH > 2).astype(np.uint8))
    assert labels(path).view(np.uint8).max() == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_colours_are_no_object_ids(mode: str, path: Path) -> None:
    Image.new(mode, (4, 3)).save(path)
    with pytest.raises(UnusableError, match=rf"mask\.png is {mode}, not a label map; write a palette or 8-bit grey PNG"):
        labels(path)


def test_a_file_cut_anywhere_is_refused(path: Path) -> None:
    Image.fromarray(SMOOTH).save(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UnusableError, match=r"mask\.png is (no PNG|truncated)"):
            labels(path)


def test_a_bit_flipped_anywhere_is_refused(path: Path) -> None:
    Image.fromarray(SMOOTH).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(bytes(flipped))
        with pytest.raises(UnusableError, match=r"mask\.png is (no PNG|truncated|damaged)"):
            labels(path)


def test_a_picture_that_would_fill_the_memory_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(NOISE).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", NOISE.size // 3)
    with pytest.raises(UnusableError, match=r"mask\.png is damaged \(Image size \(1551 pixels\) exceeds limit"):
        labels(path)


def test_what_is_no_png_or_not_there_is_named(path: Path) -> None:
    path.write_bytes(b"GIF89a" + bytes(80))
    with pytest.raises(UnusableError, match="is no PNG"):
        labels(path)
    path.unlink()
    with pytest.raises(UnusableError, match=r"mask\.png cannot be read \(No such file"):
        labels(path)
