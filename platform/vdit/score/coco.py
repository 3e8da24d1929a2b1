"""Ground truth and results as COCO lays them out in JSON, checked entry by entry."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

import pydantic

from vdit.benchmarks import _images, _outlines
from vdit.score import outlines

Number: TypeAlias = Annotated[int, pydantic.Field(ge=0, strict=True)]
Id: TypeAlias = Number | Annotated[str, pydantic.Field(min_length=1, strict=True)]
Segmentation: TypeAlias = list[_outlines.Polygon] | _outlines.Runs
AGAIN = "write the file again"
MARK = re.compile(r"[ \t\n\r]*([][,]?)[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Image:
    id: Id
    height: Annotated[int, pydantic.Field(gt=0)]
    width: Annotated[int, pydantic.Field(gt=0)]


@dataclass(frozen=True, slots=True)
class Annotation:
    """`area` decides the size class; where it is left out, the number of pixels does."""

    image_id: Id
    segmentation: Segmentation
    area: float | None = None
    iscrowd: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    images: list[Image]
    annotations: list[Annotation]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A mask and how sure the method is of it. `category_id` and boxes are not read: these benchmarks know one category."""

    image_id: Id
    score: Annotated[float, pydantic.Field(allow_inf_nan=False, strict=True)]
    segmentation: Segmentation


class Truth(NamedTuple):
    """What the expression of an image refers to."""

    height: int
    width: int
    outline: outlines.Outline
    area: float
    crowd: bool


LISTING = pydantic.TypeAdapter(Listing)
PREDICTION = pydantic.TypeAdapter(Prediction)


def name(key: Id) -> str:
    """An id as the tables have it: numbers are padded, so that names are in the order of the ids."""
    return f"{key:012d}" if isinstance(key, int) else key


def truths(path: Path) -> dict[Id, Truth]:
    """The truth of each image of a ground truth file. Raises ValueError naming place and remedy unless each image has just one."""
    listing = _listing(path)
    images = {image.id: image for image in listing.images}
    if not images or len(images) < len(listing.images):
        raise ValueError(f"{path}: images has {len(listing.images)} entries with {len(images)} ids; give one or more, each its own id")
    if len({type(key) for key in images}) > 1:
        raise ValueError(f"{path}: some ids of images are numbers and some are text; write all of them alike")
    found: dict[Id, Truth] = {}
    for number, annotation in enumerate(listing.annotations):
        place = f"{path}: annotations.{number}"
        if annotation.image_id not in images:
            raise ValueError(f"{place}.image_id is {annotation.image_id!r}, images has no such id; {AGAIN}")
        if annotation.image_id in found:
            raise ValueError(f"{place}: image {annotation.image_id!r} has a truth already; list an image for each object and expression")
        found[annotation.image_id] = _truth(place, images[annotation.image_id], annotation)
    lacking = [key for key in images if key not in found]
    if lacking:
        raise ValueError(f"{path}: image {lacking[0]!r} has no annotation ({len(lacking)} such); leave out images without the object")
    return found


def predictions(path: Path) -> Iterator[tuple[str, Prediction | ValueError]]:
    """Each entry of a results file with its place, or what is wrong with it. Raises ValueError where the file is no JSON list."""
    for number, entry in enumerate(_entries(path)):
        try:
            yield f"{path}: entry {number}", PREDICTION.validate_python(entry)
        except pydantic.ValidationError as error:
            yield f"{path}: entry {number}", ValueError(_reason(error))


def _listing(path: Path) -> Listing:
    try:
        return LISTING.validate_python(json.loads(_images.read(path), object_hook=_outlines.pack))
    except pydantic.ValidationError as error:
        raise ValueError(f"{path}: {_reason(error)}; {AGAIN}") from error
    except ValueError as error:
        raise ValueError(f"{path}: invalid JSON: {error}; {AGAIN}") from error


def _truth(place: str, image: Image, annotation: Annotation) -> Truth:
    try:
        outline = outlines.checked(annotation.segmentation, image.height, image.width)
    except ValueError as error:
        raise ValueError(f"{place}: segmentation {error}; {AGAIN}") from error
    area = outline.pixels if annotation.area is None else annotation.area
    return Truth(image.height, image.width, outline, area, annotation.iscrowd)


def _entries(path: Path) -> Iterator[Any]:
    """The entries of a JSON list one by one: those of a whole file would fill several times its size."""
    try:
        text = _images.read(path).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text at byte {error.start}; {AGAIN}") from error
    decoder = json.JSONDecoder(object_hook=_outlines.pack)
    mark, position = _mark(text, 0)
    if mark != "[":
        raise ValueError(f"{path}: results are a JSON list of predictions, this begins with {text[:20].strip()!r}; {AGAIN}")
    if text[position : position + 1] == "]":
        mark, position = _mark(text, position)
    while mark in ("[", ","):
        try:
            entry, end = decoder.raw_decode(text, position)
        except ValueError as error:
            # Broken JSON, or a number of more digits than Python reads.
            raise ValueError(f"{path}: invalid JSON: {error}: the file may be cut off; {AGAIN}") from error
        yield entry
        mark, position = _mark(text, end)
    if mark != "]" or position < len(text):
        raise ValueError(f"{path}: invalid JSON: the list ends at character {position} with {mark!r}, its file has {len(text)}; {AGAIN}")


def _mark(text: str, position: int) -> tuple[str, int]:
    """The bracket or comma that follows, "" where another character does, and where the blanks behind it end."""
    found = MARK.match(text, position)
    assert found is not None
    return found[1], found.end()


def _reason(error: pydantic.ValidationError) -> str:
    """The first thing that is wrong, behind its place."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'the file'}: {first['msg']}, given {str(first['input'])[:40]!r}"
