"""RefCOCO, RefCOCO+ (Yu et al., ECCV 2016) and RefCOCOg (Mao et al., CVPR 2016): sentences about objects in photographs; Table 4.

Source     images: COCO 2014 train, https://cocodataset.org; sentences: https://github.com/lichengunc/refer, splits unc, unc and umd
Licence    sentences Apache 2.0, COCO's annotations CC BY 4.0, images under Flickr's terms of use
Layout     the folder `coco`: train2014/<image>.jpg and <data set>/instances_<data set>_<split>.json, data set refcoco, refcoco+ or refcocog
JSON       COCO's, made by `vdit data prepare refcoco`: each sentence is one "image" (id, file_name, height, width, caption) with one
           annotation (image_id, segmentation, iscrowd); the rest is not read. COCO's boxes neither: boxes are measured on masks, and
           `exclusive` ones are nearest
Splits     `train`: the three data sets one after another; `refcoco/train`: one of them; val, testA, testB, test likewise
Sentences  train 120,624 + 120,191 + 80,512; val 10,834 + 10,758 + 4,896; testA 5,657 + 5,726; testB 5,095 + 4,889; test (g) 9,602
Videos     a sentence is a video of one frame with one expression; data.frames 1 trains on images
Scores     the queries' masks are detections in the sentence's image, each image one truth (Table 4: the best query's overall IoU)
Crowds     a sentence about a crowd is no training item: the released loader leaves crowds out
Caution    the data sets split the same images differently: `train` holds images of each other's val and test
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pydantic
from numpy.typing import NDArray

from vdit.benchmarks import _images, _json, _outlines, _problems, ref_youtube_vos
from vdit.registry import nearest
from vdit.video import Evaluation, Expression, Frames, Item, Masks, Split, Video

locate = ref_youtube_vos.locate

DATA_SETS = ("refcoco", "refcoco+", "refcocog")
IMAGES = "train2014"
SUFFIX = ".jpg"
# The pixel value of a sentence's object; nothing is known of the others in its image.
OBJECT = 1
AGAIN = "convert the annotations again (vdit data prepare refcoco)"


@dataclass(frozen=True, slots=True)
class Image:
    """A sentence, and the image that it is about."""

    id: int
    file_name: Annotated[str, pydantic.Field(pattern=r"\.jpg$")]
    height: Annotated[int, pydantic.Field(gt=0)]
    width: Annotated[int, pydantic.Field(gt=0)]
    caption: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """The object that the sentence `image_id` refers to."""

    image_id: int
    segmentation: list[_outlines.Polygon] | _outlines.Runs
    iscrowd: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    images: list[Image]
    annotations: list[Annotation]


LISTING = pydantic.TypeAdapter(Listing)


@dataclass(frozen=True, slots=True)
class Outline:
    """An object in compressed run lengths, some hundred bytes; the sentences about it share them."""

    height: int
    width: int
    counts: bytes
    crowd: bool


@dataclass
class RefCOCO:
    """One split. `outlines` are by the id of the video."""

    evaluation: ClassVar[Evaluation] = "detections"
    folder: Path
    videos: tuple[Video, ...]
    items: tuple[Item, ...]
    outlines: dict[str, Outline]

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        path, outline = self.folder / (video.frames[0] + SUFFIX), self.outlines[video.id]
        image = _images.frame(path)
        if image.shape[:2] != (outline.height, outline.width):
            listed = f"{outline.width}x{outline.height} in the JSON ({video.id})"
            raise ValueError(f"{path} is {ref_youtube_vos.measure(image)}, but {listed}; restore the image, or {AGAIN}")
        return np.repeat(image[None], len(indices), axis=0)

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        chosen: Masks = self.labels(video, indices) == object_id
        return chosen

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        """The one object of the sentence."""
        outline = self.outlines[video.id]
        drawn = _outlines.draw(outline.counts, outline.height, outline.width)
        return np.repeat(OBJECT * drawn[None].astype(np.uint8), len(indices), axis=0)


def read(root: Path, split: str, frames: int) -> Split:
    """The split `train` (say) of all three data sets, or `refcoco/train` of one. No image is opened; `frames` makes no difference.

    Raises ValueError, in one line with the file and the remedy, for a missing folder, file or image, broken JSON, an empty caption, and an
    annotation that is damaged, covers no pixel, or is not the only one of a listed image.
    """
    folder = root / IMAGES
    if not folder.is_dir():
        raise ValueError(f"{folder} does not exist; --data DIR is the folder that holds {IMAGES} and {', '.join(DATA_SETS)}")
    present = {entry.name for entry in folder.iterdir()}
    # Where all problems are listed, a file that cannot be read does not hide the other data sets' sentences.
    read_ = (_problems.attempt(lambda path: list(sentences(path, present)), path) for path in listings(root, split))
    found = [pair for pairs in read_ if pairs is not None for pair in pairs]
    items = tuple(Item(number, 0, 0) for number, (_, outline) in enumerate(found) if not outline.crowd)
    return RefCOCO(folder, tuple(video for video, _ in found), items, {video.id: outline for video, outline in found})


def listings(root: Path, split: str) -> list[Path]:
    """The JSON files of a split. All of them must be there: one name always means the same data."""
    data_set, _, part = split.rpartition("/")
    if data_set and data_set not in DATA_SETS:
        raise ValueError(f"split {split!r} names no data set {data_set!r}; {nearest(data_set, DATA_SETS)}")
    paths = [root / name / f"instances_{name}_{part}.json" for name in ((data_set,) if data_set else DATA_SETS)]
    for path in paths:
        if not path.is_file():
            known = ", ".join(splits(root)) or "(none)"
            _problems.found(f"{path} does not exist; {root} has the splits {known}: name one of them, or convert what is missing")
    return [path for path in paths if path.is_file()]


def splits(root: Path) -> tuple[str, ...]:
    """Those in the folder, each of one data set."""
    files = [(name, path) for name in DATA_SETS for path in sorted((root / name).glob(f"instances_{name}_*.json"))]
    return tuple(f"{name}/{path.stem.removeprefix(f'instances_{name}_')}" for name, path in files)


def sentences(path: Path, present: set[str]) -> Iterator[tuple[Video, Outline]]:
    """The sentences of a file in its order. A video and its expression are named by data set, split and number: refcoco-train-000001."""
    listing = parse(path)
    images = by_id(path, listing.images, present)
    outlines = objects(path, images, listing.annotations)
    prefix = path.stem.removeprefix("instances_").replace("_", "-")
    for key, found in outlines.items():
        name, image = f"{prefix}-{key:06d}", images[key].file_name.removesuffix(SUFFIX)
        yield Video(name, (image,), (Expression(name, images[key].caption, OBJECT),), source=image), found


def parse(path: Path) -> Listing:
    try:
        return LISTING.validate_python(json.loads(_images.read(path), object_hook=_outlines.pack))
    except pydantic.ValidationError as error:
        raise _json.mistake(path, error) from error
    except ValueError as error:
        raise ValueError(f"{path}: the file: invalid JSON: {error}; {AGAIN}") from error


def by_id(path: Path, images: list[Image], present: set[str]) -> dict[int, Image]:
    """The sentences of a file, each of which says something about an image that is there."""
    if not images:
        raise ValueError(f"{path} lists no sentence; {AGAIN}")
    found: dict[int, Image] = {}
    for number, image in enumerate(images):
        place = f"{path}: images.{number}"
        if image.id in found:
            _problems.found(f"{place}.id is {image.id}, like that of a sentence before; {AGAIN}")
        if not image.caption.strip():
            _problems.found(f"{place}.caption is empty; write one, or take image {image.id} and its annotation out")
        if image.file_name not in present:
            missing = len({image.file_name for image in images} - present)
            lost = f"{IMAGES}/{image.file_name}, which does not exist ({missing} such)"
            _problems.found(f"{place}.file_name is {lost}; restore it from COCO's archive")
        found[image.id] = image
    return found


def objects(path: Path, images: dict[int, Image], annotations: list[Annotation]) -> dict[int, Outline]:
    """The object of each sentence, by the sentence's id, in the order of the sentences."""
    found: dict[int, Outline | None] = {}
    last: tuple[object, ...] = ()
    for number, annotation in enumerate(annotations):
        image = images.get(annotation.image_id)
        if image is None or image.id in found:
            wrong = "but images has no such id" if image is None else "like that of an annotation before: a sentence has one object"
            _problems.found(f"{path}: annotations.{number}.image_id is {annotation.image_id}, {wrong}; {AGAIN}")
            continue
        # Sentences about one object follow one another.
        here = (image.height, image.width, annotation.segmentation, annotation.iscrowd)
        if here != last:
            last, shared = here, outline(f"{path}: annotations.{number}", image, annotation)
        found[image.id] = shared
    lacking = images.keys() - found.keys()
    if lacking:
        _problems.found(f"{path}: annotations has none for image {min(lacking)} ({len(lacking)} such); {AGAIN}")
    spoken = (key for key, image in images.items() if image.caption.strip())
    return {key: shared for key in spoken if (shared := found.get(key)) is not None}


def outline(place: str, image: Image, annotation: Annotation) -> Outline | None:
    """None where it is damaged and all problems are listed."""
    try:
        counts = _outlines.compress(annotation.segmentation, image.height, image.width)
    except ValueError as error:
        _problems.found(f"{place}.segmentation {error}; {AGAIN}")
        return None
    return Outline(image.height, image.width, counts, bool(annotation.iscrowd))
