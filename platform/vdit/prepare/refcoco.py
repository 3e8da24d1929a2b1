"""RefCOCO, RefCOCO+ and RefCOCOg: refs(unc|umd).p and instances.json to the JSONs that benchmarks/refcoco.py reads (spec section 8).

The references are Python-2 pickles. A pickle may name any function of any module and have it called, so this reader knows no names at all:
lists, dictionaries, text and numbers need none.
"""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pydantic

from vdit.benchmarks import _json
from vdit.prepare import output

# By data set: whose splits they are, and which.
DATA_SETS = {
    "refcoco": ("unc", ("train", "val", "testA", "testB")),
    "refcoco+": ("unc", ("train", "val", "testA", "testB")),
    "refcocog": ("umd", ("train", "val", "test")),
}
AGAIN = "get it again from https://github.com/lichengunc/refer"
# What the pickle library raises for bytes that are no pickle or a broken one.
BROKEN = (pickle.UnpicklingError, AttributeError, EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Sentence:
    sent: str


@dataclass(frozen=True, slots=True)
class Reference:
    """An object and the sentences about it."""

    ann_id: int
    image_id: int
    split: str
    sentences: list[Sentence]


@dataclass(frozen=True)
class Image:
    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True)
class Annotation:
    """An object as COCO has it; its outline is handed on as it is."""

    id: int
    image_id: int
    category_id: int
    segmentation: Any
    area: float
    bbox: list[float]
    iscrowd: int


@dataclass(frozen=True, slots=True)
class Instances:
    """instances.json; None stands for an object that no sentence is about."""

    images: list[Image]
    annotations: list[Annotation | None]
    categories: list[dict[str, object]]


REFERENCES = pydantic.TypeAdapter(list[Reference])
INSTANCES = pydantic.TypeAdapter(Instances)


class Plain(pickle.Unpickler):
    """Reads what needs no name."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(
            f"it names {module}.{name}, which could be called; references are lists, dictionaries, text and numbers"
        )

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError(f"it refers to {pid!r} outside of itself")


def prepare(source: Path, to: Path) -> Iterator[str]:
    """Convert the data sets that `source` has folders of; yields lines about what was written, and about what was left out.

    A data set is read and checked whole before its first file is written. Raises ValueError with file, problem and remedy.
    """
    present = [name for name in DATA_SETS if (source / name).is_dir()]
    if not present:
        raise ValueError(f"{source} has none of the folders {', '.join(DATA_SETS)}; unpack them there ({AGAIN})")
    for name in present:
        yield from convert(source / name, to / name, name)


def convert(source: Path, to: Path, name: str) -> Iterator[str]:
    by, splits = DATA_SETS[name]
    path = source / f"refs({by}).p"
    references = read_references(path, splits)
    instances = read_instances(source / "instances.json", {reference.ann_id for reference in references})
    images = {image.id: image for image in instances.images}
    annotations = {annotation.id: annotation for annotation in instances.annotations if annotation is not None}
    for reference in references:
        check(source / "instances.json", reference, images, annotations)
    for split in splits:
        chosen = [reference for reference in references if reference.split == split]
        pairs = [(said.sent, reference.ann_id) for reference in chosen for said in reference.sentences if said.sent.strip()]
        entries = [(text, annotations[key], images[annotations[key].image_id]) for text, key in pairs]
        yield output.write(to / f"instances_{name}_{split}.json", listing(name, entries, instances.categories))
        empty = sum(len(reference.sentences) for reference in chosen) - len(pairs)
        yield f"{name} {split}: {len(pairs)} sentences" + (f"; {empty} that are empty in {path} are left out" if empty else "")


def listing(name: str, entries: list[tuple[str, Annotation, Image]], categories: list[dict[str, object]]) -> Iterator[str]:
    """The file in pieces: each sentence is an "image" and has the annotation of its number."""
    yield '{"images": ['
    for number, (text, _, image) in enumerate(entries, 1):
        about = {**vars(image), "id": number, "original_id": image.id, "caption": text, "dataset_name": name}
        yield separator(number) + json.dumps(about)
    yield '\n], "annotations": ['
    for number, (_, annotation, _) in enumerate(entries, 1):
        about = {**vars(annotation), "id": number, "image_id": number, "original_id": annotation.id}
        yield separator(number) + json.dumps(about)
    yield f'\n], "categories": {json.dumps(categories)}}}\n'


def separator(number: int) -> str:
    return "\n" if number == 1 else ",\n"


def read_references(path: Path, splits: tuple[str, ...]) -> list[Reference]:
    found = validate(REFERENCES, path, unpickle(path))
    there = {reference.split for reference in found}
    if there != set(splits):
        raise ValueError(f"{path} has the splits {', '.join(sorted(there)) or '(none)'}, expected {', '.join(splits)}; {AGAIN}")
    return found


def unpickle(path: Path) -> object:
    """What the pickle holds, without any code being run; the text of Python 2 is Latin-1."""
    try:
        with path.open("rb") as file:
            return Plain(file, encoding="latin-1").load()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); {AGAIN}") from error
    except BROKEN as error:
        raise ValueError(f"{path} is refused: {str(error) or 'it is cut off'}; {AGAIN}") from error


def read_instances(path: Path, wanted: set[int]) -> Instances:
    """The file without the objects that are not wanted: those are most of it."""

    def pick(entry: dict[str, Any]) -> dict[str, Any] | None:
        return None if "segmentation" in entry and entry.get("id") not in wanted else entry

    try:
        content = json.loads(path.read_bytes(), object_hook=pick)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); {AGAIN}") from error
    except ValueError as error:
        raise ValueError(f"{path}: the file: invalid JSON: {error}; {AGAIN}") from error
    return validate(INSTANCES, path, content)


def validate(adapter: pydantic.TypeAdapter[_json.Parsed], path: Path, content: object) -> _json.Parsed:
    try:
        return adapter.validate_python(content)
    except pydantic.ValidationError as error:
        raise _json.mistake(path, error) from error


def check(path: Path, reference: Reference, images: dict[int, Image], annotations: dict[int, Annotation]) -> None:
    """The reference's object and image are there and belong together."""
    annotation = annotations.get(reference.ann_id)
    if annotation is None:
        raise ValueError(f"{path} lacks annotation {reference.ann_id}, which a sentence is about; {AGAIN}")
    if annotation.image_id != reference.image_id or annotation.image_id not in images:
        wrong = "which it lacks" if annotation.image_id not in images else f"its sentences of image {reference.image_id}"
        raise ValueError(f"{path}: annotation {reference.ann_id} is of image {annotation.image_id}, {wrong}; {AGAIN}")
