"""Outlines of objects as COCO writes them, polygons or run lengths, brought to one form that is checked, small and quick to draw.

Run lengths count the pixels down the columns: first so many outside of the object, then so many inside, and so on.
"""

from array import array
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
import pydantic
from numpy.typing import NDArray
from pycocotools import mask


def polygon(given: object) -> bytes:
    """A packed polygon as it is. Of four numbers COCO's library would make a box."""
    if not isinstance(given, bytes):
        raise ValueError("a polygon is a list of numbers")
    numbers = len(np.frombuffer(given))
    if numbers < 6 or numbers % 2:
        raise ValueError(f"a polygon has x and y of three points or more, not {numbers} numbers")
    return given


# x and y by turns, as the bytes of float64.
Polygon: TypeAlias = Annotated[bytes, pydantic.PlainValidator(polygon)]
# `size`, height and width, and `counts`, compressed run lengths.
Encoded: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Runs:
    """Run lengths as JSON has them: plain, or compressed to a string. `size` is height and width."""

    size: tuple[int, int]
    counts: list[int] | str


def pack(entry: dict[str, Any]) -> dict[str, Any]:
    """An object of the JSON that is being read, its polygons packed: as lists of numbers those of a file fill hundreds of megabytes.

    What is no list of numbers stays as it is, for whoever checks the file to name the place.
    """
    segmentation = entry.get("segmentation")
    if isinstance(segmentation, list):
        entry["segmentation"] = [packed(given) if isinstance(given, list) else given for given in segmentation]
    return entry


def packed(given: list[Any]) -> bytes | list[Any]:
    try:
        return array("d", given).tobytes()
    except (TypeError, OverflowError):
        return given


def compress(segmentation: list[Polygon] | Runs, height: int, width: int) -> bytes:
    """COCO's compressed run lengths of the polygons together, or of the runs, in an image of that size.

    Raises ValueError, to be read behind the name of the segmentation, where it is damaged or covers no pixel.
    """
    found = encode(segmentation, height, width)
    if not mask.area(found):
        raise ValueError(f"covers no pixel of its {width}x{height} image")
    return bytes(found["counts"])


def encode(segmentation: list[Polygon] | Runs, height: int, width: int) -> Encoded:
    """The same as COCO's library takes it; it may cover no pixel."""
    if isinstance(segmentation, Runs):
        return checked(segmentation, height, width)
    merged: Encoded = mask.merge(mask.frPyObjects(unpacked(segmentation, height, width), height, width))
    return merged


def written(mask_HW: NDArray[np.bool_]) -> Encoded:
    """A mask as compressed run lengths the way JSON has them; it may cover no pixel."""
    found: Encoded = mask.encode(np.asfortranarray(mask_HW, np.uint8))
    return {"size": list(mask_HW.shape), "counts": found["counts"].decode()}


def draw(counts: bytes, height: int, width: int) -> NDArray[np.bool_]:
    """[H, W] of what `compress` returned."""
    return np.ascontiguousarray(mask.decode({"size": [height, width], "counts": counts}), dtype=np.bool_)


def draw_runs(runs: Runs, height: int, width: int) -> NDArray[np.bool_]:
    """[H, W] of runs as they were read, which may cover no pixel; raises ValueError as `compress` does."""
    return np.ascontiguousarray(mask.decode(checked(runs, height, width)), dtype=np.bool_)


def checked(runs: Runs, height: int, width: int) -> Encoded:
    """The runs as COCO's library takes them."""
    found: Encoded = mask.frPyObjects({"size": [height, width], "counts": lengths(runs, height, width)}, height, width)
    return found


def unpacked(polygons: list[Polygon], height: int, width: int) -> list[NDArray[np.float64]]:
    """As COCO's library takes them. Points a little outside of the image are usual; its edge cuts them off."""
    if not polygons:
        raise ValueError("holds no polygon")
    arrays = [np.frombuffer(polygon) for polygon in polygons]
    bound = 2 * max(height, width)
    # Written so that it refuses what is not a number, too.
    if not all(np.abs(points).max() <= bound for points in arrays):
        raise ValueError(f"has a point that is no number or lies more than {bound} pixels away")
    return arrays


def lengths(given: Runs, height: int, width: int) -> list[int]:
    """The plain run lengths. They must fill the image: where they do not, COCO's library leaves pixels to chance."""
    if given.size != (height, width):
        raise ValueError(f"is for a {given.size[1]}x{given.size[0]} image, its image is {width}x{height}")
    counts = unpack(given.counts) if isinstance(given.counts, str) else given.counts
    if min(counts, default=0) < 0:
        raise ValueError(f"has a run of {min(counts)} pixels")
    if sum(counts) != height * width:
        raise ValueError(f"has runs of {sum(counts)} pixels together, its image has {height * width}")
    return counts


def unpack(text: str) -> list[int]:
    """The run lengths in COCO's compressed string.

    A character, less "0", holds five bits of a number, the lowest first, and in its sixth bit whether more follow; the last one's fifth bit
    is the sign. From the fourth number on, a number is the difference to the run two places before.
    """
    found: list[int] = []
    value = shift = 0
    for code in text.encode():
        bits = code - ord("0")
        if not 0 <= bits < 64:
            raise ValueError(f"has the character {chr(code)!r}, which is not in compressed run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) << (shift - 4)
            found.append(value + (found[-2] if len(found) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("ends within a number: its compressed run lengths are cut off")
    return found
