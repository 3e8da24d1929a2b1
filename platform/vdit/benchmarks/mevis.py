"""MeViS (Ding et al., ICCV 2023): sentences about motion, each of which names one object or several. Not in the paper.

Source     https://github.com/henghuiding/MeViS (CC BY-NC-SA 4.0, research only); the second edition, of 2024, has the same tree
Layout     <split>/meta_expressions.json, <split>/mask_dict.json, <split>/JPEGImages/<video>/<frame>.jpg. Every frame is annotated
Sentences  `anno_id` lists the objects that a sentence names, as numbers or strings; `obj_id` counts them within the video and is not read
Masks      mask_dict.json: by `anno_id` COCO's run lengths of every frame, frames in the order of their names, null where the object is not
           seen. A sentence's mask is the union of its objects
Objects    the first set of objects that a video's sentences name is 1, the next different one 2, and so on; sets of one video may overlap
Splits     train 1,662 videos, valid_u 50 (for one's own measurements), valid 140 (scored by a server: no mask_dict.json)
No object  a sentence whose `anno_id` is empty is measured, its mask is empty, but it is no training item
Caution    a label map cannot hold sets that overlap: `labels` refuses them, so measure no drift (evaluate.drift_clips 0)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import pydantic
from numpy.typing import NDArray

from vdit.benchmarks import _images, _json, _outlines, _problems, ref_youtube_vos
from vdit.video import Evaluation, Expression, Frames, Item, Masks, Split, Video

locate = ref_youtube_vos.locate

LISTED, MASKS = "meta_expressions.json", "mask_dict.json"
AGAIN = "restore it from the archive"

# The objects that a sentence names, and their outlines in every frame, None where one is not seen.
Objects: TypeAlias = tuple[str, ...]
Outlines: TypeAlias = dict[str, list[_outlines.Runs | None]]


@dataclass(frozen=True)
class Sentence:
    """An expression of meta_expressions.json; those of valid have no `anno_id`."""

    exp: str
    anno_id: list[int | str] | None = None


@dataclass(frozen=True)
class Entry:
    """A video of meta_expressions.json."""

    expressions: dict[str, Sentence]
    frames: list[str]


@dataclass(frozen=True)
class Listing:
    videos: dict[str, Entry]


LISTING = pydantic.TypeAdapter(Listing)
OUTLINES: pydantic.TypeAdapter[Outlines] = pydantic.TypeAdapter(Outlines)


@dataclass
class MeViS:
    """One split. `sets` are, by video, the sets of objects that its sentences name: set 1 is the first."""

    evaluation: ClassVar[Evaluation] = "frames"
    folder: Path
    videos: tuple[Video, ...]
    items: tuple[Item, ...]
    sets: dict[str, tuple[Objects, ...]]
    outlines: Outlines

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        return _images.frames([self.jpeg(video, index) for index in indices])

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        """The union of the objects of a set."""
        return np.stack([self.union(video, index, self.sets[video.id][object_id - 1]) for index in indices])

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        """Raises ValueError where two sets overlap: one pixel has one value."""
        labels = np.zeros((len(indices), *_images.size(self.jpeg(video, 0))), np.uint8)
        for number in range(1, len(self.sets[video.id]) + 1):
            mask = self.masks(video, indices, number)
            if labels[mask].any():
                named = f"{self.folder / LISTED}: sentences of video {video.id} name sets of objects that overlap"
                raise ValueError(f"{named}, which no label map holds; set evaluate.drift_clips to 0")
            labels[mask] = number
        return labels

    def union(self, video: Video, index: int, objects: Objects) -> NDArray[np.bool_]:
        height, width = _images.size(self.jpeg(video, index))
        drawn = np.zeros((height, width), np.bool_)
        for name in objects:
            runs = self.outlines[name][index]
            if runs is not None:
                drawn |= self.draw(f"{name}.{index}", runs, height, width)
        return drawn

    def draw(self, place: str, runs: _outlines.Runs, height: int, width: int) -> NDArray[np.bool_]:
        try:
            return _outlines.draw_runs(runs, height, width)
        except ValueError as error:
            raise ValueError(f"{self.folder / MASKS}: {place} {error}; {AGAIN}") from error

    def jpeg(self, video: Video, index: int) -> Path:
        return self.folder / "JPEGImages" / video.id / f"{video.frames[index]}.jpg"


def splits(root: Path) -> tuple[str, ...]:
    """Those in the folder that have masks."""
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{MASKS}")))


def read(root: Path, split: str, frames: int) -> Split:
    """The split, checked against the folders' listings. A clip of `frames` frames starts at every `frames`-th frame of a video.

    Raises ValueError, in one line with the file and the remedy, for a missing folder, split or listed frame, broken JSON, a sentence of an
    object that has no masks, and masks that are not one a frame. A mask itself is checked when it is drawn.
    """
    path, entries = listed(root, split)
    folder = path.parent
    if not (folder / MASKS).is_file():
        raise ValueError(f"{folder / MASKS} does not exist; the official valid has no masks: use valid_u, or restore it from the archive")
    sets = {name: sets_of(path, name, entry) for name, entry in entries.items()}
    videos = tuple(to_videos(path, entries, sets))
    data = MeViS(folder, videos, (), sets, _json.parse(OUTLINES, folder / MASKS))
    for video in videos:
        ref_youtube_vos.check_present(path, folder / "JPEGImages" / video.id, [f"{name}.jpg" for name in video.frames])
        check_masks(path, data, video)
    data.items = tuple(items(data, frames))
    return data


def listing(root: Path, split: str) -> ref_youtube_vos.RefYouTubeVOS:
    """The split to be predicted: frames only, so that the official valid will do. Raises ValueError as `read` does for JSON and frames."""
    path, entries = listed(root, split)
    videos = tuple(to_videos(path, entries, None))
    data = ref_youtube_vos.RefYouTubeVOS(path.parent, videos, ())
    ref_youtube_vos.check_frames(path, data)
    return data


def listed(root: Path, split: str) -> tuple[Path, dict[str, Entry]]:
    """The split's JSON and its videos."""
    path = root / split / LISTED
    if not path.is_file():
        known = ", ".join(sorted(found.parent.name for found in root.glob(f"*/{LISTED}"))) or "(none)"
        raise ValueError(f"{path} does not exist; {root} has the splits {known}: name one of them, or another folder with --data DIR")
    entries = _json.parse(LISTING, path).videos
    if not entries:
        raise ValueError(f"{path} lists no video for split {split!r}; {AGAIN}")
    return path, entries


def items(data: MeViS, frames: int) -> Iterator[Item]:
    """Those of Ref-YouTube-VOS, without the sentences that name no object."""
    for item in ref_youtube_vos.items(data.videos, frames):
        video = data.videos[item.video]
        if data.sets[video.id][video.expressions[item.expression].object - 1]:
            yield item


def sets_of(path: Path, name: str, entry: Entry) -> tuple[Objects, ...]:
    """The different sets of objects of a video's sentences, in the sentences' order."""
    for key, said in entry.expressions.items():
        if said.anno_id is None:
            hides = "the official valid hides its objects; use valid_u"
            _problems.found(f"{path}: videos.{name}.expressions.{key} has no anno_id: {hides}")
    return tuple(dict.fromkeys(objects(said) for said in entry.expressions.values() if said.anno_id is not None))


def objects(said: Sentence) -> Objects:
    return tuple(sorted({str(key) for key in said.anno_id or ()}))


def to_videos(path: Path, entries: dict[str, Entry], sets: dict[str, tuple[Objects, ...]] | None) -> Iterator[Video]:
    """Without `sets`, what a sentence names is hidden. A video of no frame or sentence is a problem, one of no frame none of them."""
    for name, entry in entries.items():
        ref_youtube_vos.check_filled(path, name, frames=entry.frames, expressions=entry.expressions)
        if entry.frames:
            # Masks are counted in the order of the names, in whatever order the file lists them.
            yield Video(name, tuple(sorted(entry.frames)), tuple(to_expressions(entry, None if sets is None else sets[name])))


def to_expressions(entry: Entry, sets: tuple[Objects, ...] | None) -> Iterator[Expression]:
    for key, said in entry.expressions.items():
        if sets is None:
            yield Expression(key, said.exp, ref_youtube_vos.HIDDEN)
        elif said.anno_id is not None:
            yield Expression(key, said.exp, sets.index(objects(said)) + 1)


def check_masks(path: Path, data: MeViS, video: Video) -> None:
    """Each object that a sentence names has masks, one for each frame."""
    for name in (name for named in data.sets[video.id] for name in named):
        masks = data.folder / MASKS
        if name not in data.outlines:
            _problems.found(f"{path}: a sentence of video {video.id} names anno_id {name}, which {masks} lacks; restore both")
            data.outlines[name] = [None] * len(video.frames)  # in a list of all problems, the reading goes on without it
        given, expected = len(data.outlines[name]), len(video.frames)
        if given != expected:
            _problems.found(f"{masks}: {name} has {given} masks, but its video {video.id} has {expected} frames; restore both")
            data.outlines[name] = [None] * expected
