"""Ref-YouTube-VOS (Seo et al., ECCV 2020): YouTube-VOS with expressions; Table 1 of the paper.

Source     https://youtube-vos.org/dataset/rvos (registration; CC BY 4.0). Every fifth frame is annotated and listed.
Layout     meta_expressions/<split>/meta_expressions.json, and in <split>/: meta.json, JPEGImages/<video>/<frame>.jpg,
           Annotations/<video>/<frame>.png
Masks      palette PNGs whose pixel value is the object's id; `obj_id` is a string in the JSON.
Splits     train 3,471 videos. The official valid JSON also lists the test videos; valid is what the test JSON does not name: 202 videos.
No truth   valid and test are scored by a server; their masks are not public, so a trial measures on a held-out part of train, and
           `listing` reads them for prediction alone
Held out   `vdit data prepare held-out DIR` writes held_out (200 videos) and train_without_held_out; these JSONs say "folder": "train",
           where their frames and masks are: nothing is copied

Any data set in this layout is read by this file.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

import numpy as np
import pydantic
from numpy.typing import NDArray

from vdit.benchmarks import _images, _json, _problems
from vdit.config.data import Data
from vdit.video import Evaluation, Expression, Frames, Item, Masks, Split, Video

# What `vdit data prepare held-out` makes of train.
HELD_OUT, REST = "held_out", "train_without_held_out"
# A test JSON of no video.
EMPTY = '{"videos": {}}'
# The remedy where a split's objects are not public.
ELSEWHERE = f"use a held-out part of train: vdit data prepare held-out DIR, data.train_split: {REST}, data.eval_split: {HELD_OUT}"


@dataclass(frozen=True)
class Sentence:
    """An expression of meta_expressions.json; the official valid and test have no `obj_id`."""

    exp: str
    obj_id: str | None = None


@dataclass(frozen=True)
class Entry:
    """A video of meta_expressions.json."""

    expressions: dict[str, Sentence]
    frames: list[str]


@dataclass(frozen=True)
class Listing:
    """`folder` is the split whose folder holds the videos, empty where that is the split's own."""

    videos: dict[str, Entry]
    folder: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9_-]*$")] = ""


@dataclass(frozen=True)
class Objects:
    """A video of meta.json; what it says of an object beyond its id is not used."""

    objects: dict[str, object]


@dataclass(frozen=True)
class Contents:
    videos: dict[str, Objects]


# No object has the background's value.
HIDDEN = 0
LISTING = pydantic.TypeAdapter(Listing)
CONTENTS = pydantic.TypeAdapter(Contents)


@dataclass
class RefYouTubeVOS:
    """One split. Nothing is cached: decoding takes a few milliseconds a frame at 480x854, which is little beside a training step."""

    evaluation: ClassVar[Evaluation] = "frames"
    folder: Path
    videos: tuple[Video, ...]
    items: tuple[Item, ...]

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        return _images.frames([self.jpeg(video, index) for index in indices])

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        chosen: Masks = self.labels(video, indices) == object_id
        return chosen

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        return np.stack([self.label(video, index) for index in indices])

    def label(self, video: Video, index: int) -> NDArray[np.uint8]:
        """One label map, checked against the size in the header of its frame."""
        path, frame = self.png(video, index), self.jpeg(video, index)
        pixels = _images.labels(path)
        height, width = _images.size(frame)
        if pixels.shape != (height, width):
            raise ValueError(f"{path} is {measure(pixels)}, its frame {frame} is {width}x{height}; restore both or resize the mask")
        return pixels

    def size(self, video: Video) -> tuple[int, int]:
        """Height and width of the video's frames, from the header of the first."""
        return _images.size(self.jpeg(video, 0))

    def jpeg(self, video: Video, index: int) -> Path:
        return self.place("JPEGImages", video) / f"{video.frames[index]}.jpg"

    def png(self, video: Video, index: int) -> Path:
        return self.place("Annotations", video) / f"{video.frames[index]}.png"

    def place(self, kind: str, video: Video) -> Path:
        """The folder of the video's JPEGImages or Annotations."""
        return self.folder / kind / video.id


Kind = TypeVar("Kind", bound=RefYouTubeVOS)


def locate(data: Data, folder: Path) -> Path:
    """The data folder, which must exist: this benchmark is not generated."""
    if not folder.is_dir():
        raise ValueError(f"{folder} holds no {data.benchmark}: no such folder; pass the data set's folder with --data DIR")
    return folder


def read(root: Path, split: str, frames: int) -> Split:
    """The split, checked against the folders' listings. A clip of `frames` frames starts at every `frames`-th frame of a video.

    Raises ValueError, in one line with the file and the remedy, for a missing folder or split, broken JSON, a listed frame or mask that is
    not there, and an expression of an object that the video has not.
    """
    return index(RefYouTubeVOS, root, split, frames)


def index(kind: type[Kind], root: Path, split: str, frames: int) -> Kind:
    """What `read` returns, for a data set that differs in where its files are or what its pixels say."""
    if not root.is_dir():
        raise ValueError(f"{root}: no such data folder; pass the data set's folder with --data DIR")
    path, listing = listed(root, split)
    folder = root / (listing.folder or split)
    if not (folder / "Annotations").is_dir():
        raise ValueError(f"{folder / 'Annotations'} does not exist; the official valid and test have no masks: {ELSEWHERE}")
    data = kind(folder, tuple(to_videos(path, listing)), ())
    check_files(path, data)
    check_objects(path, data)
    data.items = tuple(items(data.videos, frames))
    return data


def listing(root: Path, split: str) -> RefYouTubeVOS:
    """The split to be predicted: frames only, so that the official valid and test will do. An object that the JSON hides is 0.

    Raises ValueError as `read` does for what concerns JSON and frames, and for an official valid that cannot be told from the test.
    """
    path, found = listed(root, split)
    check_told_apart(root, split, path, found)
    data = RefYouTubeVOS(root / (found.folder or split), tuple(to_videos(path, found, hidden=True)), ())
    check_frames(path, data)
    return data


def splits(root: Path) -> tuple[str, ...]:
    """Those in the folder that have masks: the official valid and test have none."""
    paths = {path.parent.name: path for path in sorted(root.glob("meta_expressions/*/meta_expressions.json"))}
    return tuple(name for name, path in paths.items() if (root / name / "Annotations").is_dir() or elsewhere(root / name, path))


def elsewhere(own: Path, path: Path) -> bool:
    """Whether a split has no folder and its JSON says that it lies in another one's, or is broken, which its reader will tell."""
    if own.is_dir():
        return False
    try:
        return _json.parse(LISTING, path).folder != ""
    except ValueError:
        return True


def items(videos: tuple[Video, ...], frames: int) -> Iterator[Item]:
    """Videos in the file's order, their expressions, and every `frames`-th start (spec section 5)."""
    for number, video in enumerate(videos):
        for expression in range(len(video.expressions)):
            yield from (Item(number, expression, start) for start in range(0, len(video.frames), frames))


def listed(root: Path, split: str) -> tuple[Path, Listing]:
    """The split's JSON and what it lists; valid without the videos of the test JSON, where there is one."""
    folder = root / "meta_expressions"
    path, test = folder / split / "meta_expressions.json", folder / "test" / "meta_expressions.json"
    if not path.is_file():
        splits = sorted(entry.parent.name for entry in folder.glob("*/meta_expressions.json"))
        known = ", ".join(splits) or "(none)"
        make = f"make {HELD_OUT} and {REST} of train with `vdit data prepare held-out DIR`, " if split in (HELD_OUT, REST) else ""
        name = "name one of them (data.train_split, data.eval_split, --split)"
        raise ValueError(f"{path} does not exist; {root} has the splits {known}: {make}{name}, or another folder with --data DIR")
    listing = _json.parse(LISTING, path)
    if split == "valid" and test.is_file():
        hidden = _json.parse(LISTING, test).videos
        listing = replace(listing, videos={name: entry for name, entry in listing.videos.items() if name not in hidden})
    if not listing.videos:
        raise ValueError(f"{path} lists no video for split {split!r}; restore it from the archive")
    return path, listing


def to_videos(path: Path, listing: Listing, hidden: bool = False) -> Iterator[Video]:
    """With `hidden`, expressions may lack their object. A video of no frame or expression is a problem, one of no frame none of them."""
    for name, entry in listing.videos.items():
        check_filled(path, name, frames=entry.frames, expressions=entry.expressions)
        if entry.frames:
            said = (to_expression(path, name, key, sentence, hidden) for key, sentence in entry.expressions.items())
            yield Video(name, tuple(entry.frames), tuple(expression for expression in said if expression is not None))


def check_filled(path: Path, name: str, **parts: Collection[str]) -> None:
    """A video's entry has something in each of these parts."""
    for part, listed_ in parts.items():
        if not listed_:
            _problems.found(f"{path}: videos.{name}.{part} is empty; list its {part} or remove the video")


def to_expression(path: Path, name: str, key: str, said: Sentence, hidden: bool = False) -> Expression | None:
    place = f"{path}: videos.{name}.expressions.{key}"
    if said.obj_id is None and hidden:
        return Expression(key, said.exp, HIDDEN)
    if said.obj_id is None:
        _problems.found(f"{place} has no obj_id: the official valid and test hide their objects; {ELSEWHERE}")
        return None
    if not (said.obj_id.isascii() and said.obj_id.isdigit() and 1 <= int(said.obj_id) <= 254):
        _problems.found(f"{place}.obj_id is {said.obj_id!r}, expected a mask's pixel value '1' to '254'; mend the file")
        return None
    return Expression(key, said.exp, int(said.obj_id))


def check_told_apart(root: Path, split: str, path: Path, found: Listing) -> None:
    """The official valid's JSON has the test's videos, too, which only the test's JSON tells: the server wants 202 videos of its 507."""
    test = root / "meta_expressions/test/meta_expressions.json"
    hidden = any(said.obj_id is None for entry in found.videos.values() for said in entry.expressions.values())
    if split == "valid" and hidden and not test.is_file():
        tells = f"it names the test's videos, which {path} lists among its {len(found.videos)} (the server takes the 202 others)"
        raise ValueError(f"{test} does not exist: {tells}; restore it, or write {EMPTY} there, where no video is a test's")


def check_files(path: Path, data: RefYouTubeVOS) -> None:
    """Every listed frame has its JPEG and its mask; one directory listing per video, not one look-up per frame."""
    for video in data.videos:
        for kind, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png")):
            check_present(path, data.place(kind, video), [name + suffix for name in video.frames])


def check_frames(path: Path, data: RefYouTubeVOS) -> None:
    """Every listed frame has its JPEG, with or without a mask."""
    for video in data.videos:
        check_present(path, data.place("JPEGImages", video), [f"{name}.jpg" for name in video.frames])


def check_present(path: Path, folder: Path, names: list[str]) -> None:
    """The files that `path` names are in the folder."""
    present = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    missing = [name for name in names if name not in present]
    if missing:
        lost = f"{folder / missing[0]}, which does not exist ({len(missing)} such)"
        _problems.found(f"{path} names {lost}; restore it or take it out of the JSON")


def check_objects(path: Path, data: RefYouTubeVOS) -> None:
    """Every expression names an object of its video: one that meta.json lists, or, where there is none, one that a mask shows."""
    meta = data.folder / "meta.json"
    contents = _json.parse(CONTENTS, meta).videos if meta.is_file() else None
    for video in data.videos:
        if contents is not None and video.id not in contents:
            _problems.found(f"{meta} lacks video {video.id}, which {path} lists; restore both from the archive")
            continue
        known = shown(data, video) if contents is None else {int(key) for key in contents[video.id].objects if key.isdigit()}
        for said in video.expressions:
            if said.object not in known:
                place = f"{path}: videos.{video.id}.expressions.{said.id}.obj_id"
                has = f"but the video has the objects {sorted(known)}"
                _problems.found(f"{place} is {said.object}, {has}; mend it or remove the expression")


def shown(data: RefYouTubeVOS, video: Video) -> set[int]:
    """The objects of the masks, read only until every named one has been seen: most often one mask."""
    wanted, seen = {said.object for said in video.expressions}, set[int]()
    for index in range(len(video.frames)):
        if wanted <= seen:
            break
        try:
            seen |= {int(value) for value in np.unique(data.label(video, index))} - {0}
        except ValueError as error:
            _problems.found(str(error))
    return seen


def measure(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
