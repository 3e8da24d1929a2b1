"""Masks and label maps as PNGs: binary for Ref-YouTube-VOS and MeViS, with DAVIS's palette for Ref-DAVIS17 (spec section 6)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOREGROUND = 255


def palette() -> bytes:
    """256 colours, red green blue: the bits of an id, three at a time, fill the colours' bits from the highest down (1 red, 2 green ...).

    The rule is that of PASCAL VOC, whose first colours DAVIS's annotations have.
    """
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for group in range(8):
        for channel in range(3):
            colours[:, channel] |= (ids >> (3 * group + channel) & 1) << (7 - group)
    return colours.astype(np.uint8).tobytes()


PALETTE = palette()


def write_mask(path: Path, mask_HW: NDArray[np.bool_]) -> None:
    """Mode L, 0 and 255."""
    Image.fromarray(mask_HW.astype(np.uint8) * np.uint8(FOREGROUND)).save(path)


def write_labels(path: Path, labels_HW: NDArray[np.uint8]) -> None:
    """Mode P; a pixel's value is its object's id."""
    image = Image.fromarray(labels_HW)
    image.putpalette(PALETTE)
    image.save(path)
