"""A2D-Sentences (Gavrilyuk et al., CVPR 2018): sentences about actors in short videos of which few frames are annotated; Table 2.

Source     videos: A2D, https://web.eecs.umich.edu/~jjcorso/r/a2d; sentences and masks: https://kgavrilyuk.github.io/publication/actor_action;
           the two JSON files: https://github.com/mttr2021/MTTR, whose choice of frames every later method keeps
Licence    none found on the pages above
Layout     Release/CLIPS320/<video>.mp4 (clips320H in the archive), text_annotations/a2d_annotation_with_instances/<video>/<frame>.h5 and
           a2d_sentences_single_frame_<split>_annotations.json; videoset.csv, a2d_annotation.txt, a2d_missed_videos.txt and the test
           annotations in COCO's format hold nothing more and are not read
JSON       a list of [sentence, video, frame, instance]; the frame is counted from 1, as the names of the .h5 files are
Masks      in a .h5 file `instance` has the ids and `reMask` the masks [instance, width, height], or [width, height] of a single instance
Splits     train and test, of 6,655 sentences in 3,782 videos; a frame in which the instance is not seen is not listed
Videos     a frame with its sentences is a video: all frames of the mp4, of which one is annotated, named v_<video>_f_<frame>. A clip is
           drawn around that frame to be trained on, and centred on it to be predicted; none is reversed (data.augment.reverse 0)
Colours    are changed after the size as on Ref-YouTube-VOS; the released code changes them before it here
Scores     the queries' masks are detections in image v_<video>_f_<frame>_i_<instance>, the id of an expression (Table 2)
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import h5py
import numpy as np
import pydantic
from numpy.typing import NDArray

from vdit.benchmarks import _json, _problems, _videos, ref_youtube_vos
from vdit.benchmarks._images import AGAIN
from vdit.video import Evaluation, Expression, Frames, Item, Masks, Split, Video

locate = ref_youtube_vos.locate

CLIPS = ("Release/CLIPS320", "Release/clips320H")
MASKS = "text_annotations/a2d_annotation_with_instances"
JSON = "a2d_sentences_single_frame_{}_annotations.json"
# The pixel value of an instance is its id and FIRST, for an id may be 0; the greatest id is LAST.
FIRST, LAST = 1, 254


class Row(NamedTuple):
    """An entry of the JSON."""

    text: Annotated[str, pydantic.Field(pattern=r"\S")]
    video: Annotated[str, pydantic.Field(min_length=1)]
    frame: Annotated[int, pydantic.Field(ge=1)]
    instance: Annotated[int, pydantic.Field(ge=0, le=LAST)]


LISTING = pydantic.TypeAdapter(Annotated[list[Row], pydantic.Field(min_length=1)])


@dataclass(frozen=True, slots=True)
class Source:
    """Where a frame is: its video, and the masks of it."""

    mp4: Path
    h5: Path


@dataclass
class A2DSentences:
    """One split. `sources` are by the id of the video. Nothing is cached."""

    evaluation: ClassVar[Evaluation] = "detections"
    videos: tuple[Video, ...]
    items: tuple[Item, ...]
    sources: dict[str, Source]

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        return _videos.frames(self.sources[video.id].mp4, indices)

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        ids, masks_NHW = self.instances(video)
        if object_id - FIRST not in ids:
            path = self.sources[video.id].h5
            raise ValueError(f"{path} has the instances {ids}, but the JSON lists instance {object_id - FIRST}; restore both")
        return np.stack([masks_NHW[ids.index(object_id - FIRST)] & (index == video.annotated) for index in indices])

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        """All instances; of two that overlap the later one."""
        ids, masks_NHW = self.instances(video)
        labels_HW = np.zeros(masks_NHW.shape[1:], np.uint8)
        for instance, mask in zip(ids, masks_NHW, strict=True):
            labels_HW[mask] = instance + FIRST
        return np.stack([labels_HW * np.uint8(index == video.annotated) for index in indices])

    def instances(self, video: Video) -> tuple[list[int], Masks]:
        """Ids and masks [N, H, W] of the annotated frame, checked against the size of the video."""
        source = self.sources[video.id]
        ids, masks_NHW = read_h5(source.h5)
        height, width = _videos.size(source.mp4)
        if masks_NHW.shape[1:] != (height, width):
            given = ref_youtube_vos.measure(masks_NHW[0])
            raise ValueError(f"{source.h5} has masks of {given}, its video {source.mp4} is {width}x{height}; restore both")
        return ids, masks_NHW


def splits(root: Path) -> tuple[str, ...]:
    """Those in the folder."""
    prefix, suffix = JSON.split("{}")
    return tuple(sorted(file.name[len(prefix) : -len(suffix)] for file in root.glob(JSON.format("*"))))


def read(root: Path, split: str, frames: int) -> Split:
    """The split `train` or `test`. Videos are opened for their length, none is decoded; `frames` makes no difference.

    Raises ValueError, in one line with the file and the remedy, for a missing folder or file, broken JSON, an empty sentence, an instance
    that is listed twice, and a frame behind the video's end. What an .h5 file holds is checked when it is read.
    """
    path = root / JSON.format(split)
    rows = listed(root, path)
    clips = next((root / name for name in CLIPS if (root / name).is_dir()), None)
    if clips is None:
        raise ValueError(f"{root / CLIPS[0]} does not exist; unpack A2D's Release there, or name another folder with --data DIR")
    check_unique(path, rows)
    lost = check_files(path, clips, root / MASKS, rows)
    lengths = measured(dict.fromkeys(clips / f"{row.video}.mp4" for row in rows if clips / f"{row.video}.mp4" not in lost))
    check_frames(path, clips, rows, lengths)
    # Where all problems are listed, without what cannot be read.
    whole = [row for row in rows if row.frame <= lengths.get(row.video, 0) and h5(root / MASKS, row) not in lost]
    videos = tuple(to_videos(whole, lengths))
    sources = {key(row): Source(clips / f"{row.video}.mp4", h5(root / MASKS, row)) for row in whole}
    return A2DSentences(videos, tuple(items(videos)), sources)


def items(videos: tuple[Video, ...]) -> Iterator[Item]:
    """A clip of every sentence, around the annotated frame."""
    for number, video in enumerate(videos):
        assert video.annotated is not None
        yield from (Item(number, expression, video.annotated) for expression in range(len(video.expressions)))


def listed(root: Path, path: Path) -> list[Row]:
    if not root.is_dir():
        raise ValueError(f"{root}: no such data folder; pass the data set's folder with --data DIR")
    if not path.is_file():
        known = ", ".join(splits(root)) or "(none)"
        raise ValueError(f"{path} does not exist; {root} has the splits {known}: name one of them, or fetch MTTR's JSON files")
    return _json.parse(LISTING, path)


def check_unique(path: Path, rows: list[Row]) -> None:
    """An image of the scores has one truth and one sentence."""
    counts = Counter(image(row) for row in rows)
    for number, row in enumerate(rows):
        if counts[image(row)] > 1:
            _problems.found(f"{path}: {number}: {image(row)} is listed {counts[image(row)]} times; take all but one out")


def check_files(path: Path, clips: Path, masks: Path, rows: list[Row]) -> set[Path]:
    """Every listed frame has its video and its masks; one directory listing per video, not one look-up per frame. Gives the others."""
    present = {entry.name for entry in clips.iterdir()}
    wanted: dict[str, list[Row]] = {}
    for row in rows:
        wanted.setdefault(row.video, []).append(row)
    missing = [clips / f"{name}.mp4" for name in wanted if f"{name}.mp4" not in present]
    for name, its in wanted.items():
        there = {entry.name for entry in (masks / name).iterdir()} if (masks / name).is_dir() else set()
        missing += dict.fromkeys(h5(masks, row) for row in its if h5(masks, row).name not in there)
    for number, file in enumerate(missing):
        such = "" if number else f" ({len(missing)} such)"
        _problems.found(f"{path} names {file}, which does not exist{such}; {AGAIN}, or take it out of the JSON")
    return set(missing)


def measured(clips: Iterable[Path]) -> dict[str, int]:
    """Frames by the name of the video, of those that can be opened."""
    lengths = {clip.stem: _problems.attempt(_videos.length, clip) for clip in clips}
    return {name: length for name, length in lengths.items() if length is not None}


def check_frames(path: Path, clips: Path, rows: list[Row], lengths: dict[str, int]) -> None:
    for number, row in enumerate(rows):
        if row.video in lengths and row.frame > lengths[row.video]:
            last = f"{clips / row.video}.mp4 has {lengths[row.video]} frames"
            _problems.found(f"{path}: {number}: frame {row.frame} is listed, but {last}; {AGAIN}")


def to_videos(rows: list[Row], lengths: dict[str, int]) -> Iterator[Video]:
    """The annotated frames in the order of the JSON, each with its sentences."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(key(row), []).append(row)
    for name, its in together.items():
        said = tuple(Expression(image(row), row.text, row.instance + FIRST) for row in its)
        yield Video(name, names(lengths[its[0].video]), said, annotated=its[0].frame - 1, source=its[0].video)


@cache
def names(length: int) -> tuple[str, ...]:
    """Of the frames of a video, counted from 1; the many videos of a length share them."""
    return tuple(f"{number:05d}" for number in range(1, length + 1))


def key(row: Row) -> str:
    return f"v_{row.video}_f_{row.frame}"


def image(row: Row) -> str:
    """The image's id in MTTR's test annotations."""
    return f"{key(row)}_i_{row.instance}"


def h5(folder: Path, row: Row) -> Path:
    return folder / row.video / f"{row.frame:05d}.h5"


def read_h5(path: Path) -> tuple[list[int], Masks]:
    """Ids and masks [N, H, W] of all instances in a frame."""
    try:
        with h5py.File(path, "r") as file:
            ids, stored = np.ravel(file["instance"][()]), np.asarray(file["reMask"][()])
    except KeyError as error:
        raise ValueError(f"{path} lacks 'instance' or 'reMask'; {AGAIN}") from error
    except (OSError, RuntimeError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())}); {AGAIN}") from error
    if ids.dtype.kind not in "iuf" or stored.dtype.kind not in "biuf":
        raise ValueError(f"{path} has instance of type {ids.dtype} and reMask of type {stored.dtype}, expected numbers; {AGAIN}")
    masks_NWH = stored[None] if stored.ndim == 2 else stored
    if masks_NWH.ndim != 3 or len(masks_NWH) != len(ids):
        raise ValueError(f"{path} has {len(ids)} instances, but reMask of shape {stored.shape}; {AGAIN}")
    if not all(0 <= number <= LAST for number in ids):
        raise ValueError(f"{path} has the instances {ids.tolist()}, expected ids from 0 to {LAST}; {AGAIN}")
    return [int(number) for number in ids], masks_NWH.transpose(0, 2, 1) > 0
