"""JHMDB-Sentences (Gavrilyuk et al., CVPR 2018): sentences about the one actor of short videos; Table 2.

Source     frames (Rename_Images) and masks (puppet_mask): JHMDB, http://jhmdb.is.tue.mpg.de; sentences:
           https://kgavrilyuk.github.io/publication/actor_action; the JSON file: https://github.com/mttr2021/MTTR
Licence    none found on the pages above; the videos are of HMDB51, which is CC BY 4.0
Layout     Rename_Images/<action>/<video>/<frame>.png, frames counted from 1, puppet_mask/<action>/<video>/puppet_mask.mat and
           jhmdb_sentences_samples_metadata.json; jhmdb_annotation.txt and the annotations in COCO's format add nothing and are not read
JSON       a list of [video, frame's path, masks' path, frames, sentence]. Paths begin with the folder of whoever wrote the file: what
           counts is Rename_Images or puppet_mask and what follows. `frames` are those that have masks: no clip takes one behind them
Masks      `part_mask` [height, width, frames] in the .mat: above zero is the actor; its frames are counted from 0
Splits     test alone, 928 videos with three frames each, which MTTR drew once: 2,784. No method trains on it; a trial that goes on from one
           on A2D-Sentences is measured with train.epochs 0
Videos     a listed frame is a video: all frames of its clip that have masks, of which this one counts, named v_<video>_f_<frame>
Scores     the queries' masks are detections in image v_<video>_f_<frame>, the id of the expression too (Table 2)
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pydantic
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from vdit.benchmarks import _images, _json, _problems, a2d_sentences, ref_youtube_vos
from vdit.benchmarks._images import AGAIN
from vdit.video import Evaluation, Expression, Frames, Item, Masks, Split, Video

locate = ref_youtube_vos.locate

FRAMES, MASKS = "Rename_Images", "puppet_mask"
JSON = "jhmdb_sentences_samples_metadata.json"
SPLIT = "test"
# The pixel value of the actor; nothing else is annotated.
OBJECT = 1


class Row(NamedTuple):
    """An entry of the JSON."""

    video: Annotated[str, pydantic.Field(min_length=1)]
    frame: Annotated[str, pydantic.Field(pattern=r"/\d{5}\.png$")]
    masks: Annotated[str, pydantic.Field(pattern=r"\.mat$")]
    frames: Annotated[int, pydantic.Field(ge=1)]
    text: Annotated[str, pydantic.Field(pattern=r"\S")]


LISTING = pydantic.TypeAdapter(Annotated[list[Row], pydantic.Field(min_length=1)])


@dataclass(frozen=True, slots=True)
class Source:
    """Where a video is: the folder of its frames, and the masks of them."""

    folder: Path
    mat: Path


@dataclass
class JHMDBSentences:
    """The one split. `sources` are by the id of the video. Nothing is cached."""

    evaluation: ClassVar[Evaluation] = "detections"
    videos: tuple[Video, ...]
    items: tuple[Item, ...]
    sources: dict[str, Source]

    def frames(self, video: Video, indices: tuple[int, ...]) -> Frames:
        paths = {index: self.png(video, index) for index in indices}
        decoded = {index: _images.png(path) for index, path in paths.items()}
        first = indices[0]
        for index, image in decoded.items():
            if image.shape != decoded[first].shape:
                other = f"{paths[first].name} of its video is {ref_youtube_vos.measure(decoded[first])}"
                raise ValueError(f"{paths[index]} is {ref_youtube_vos.measure(image)}, but {other}; restore both")
        return np.stack([decoded[index] for index in indices])

    def masks(self, video: Video, indices: tuple[int, ...], object_id: int) -> Masks:
        chosen: Masks = self.labels(video, indices) == object_id
        return chosen

    def labels(self, video: Video, indices: tuple[int, ...]) -> NDArray[np.uint8]:
        """The actor, in the frame that counts alone."""
        assert video.annotated is not None
        mat, frame = self.sources[video.id].mat, self.png(video, video.annotated)
        masks_THW = read_mat(mat)
        if video.annotated >= len(masks_THW):
            raise ValueError(f"{mat} has masks of {len(masks_THW)} frames, the JSON lists {frame.name}; restore both")
        height, width = _images.size(frame)
        if masks_THW.shape[1:] != (height, width):
            raise ValueError(f"{mat} has masks of {ref_youtube_vos.measure(masks_THW[0])}, {frame} is {width}x{height}; restore both")
        drawn = OBJECT * masks_THW[video.annotated].astype(np.uint8)
        return np.stack([drawn * np.uint8(index == video.annotated) for index in indices])

    def png(self, video: Video, index: int) -> Path:
        return self.sources[video.id].folder / f"{video.frames[index]}.png"


def splits(root: Path) -> tuple[str, ...]:
    """Its only one, where it is there."""
    return (SPLIT,) if (root / JSON).is_file() else ()


def read(root: Path, split: str, frames: int) -> Split:
    """The split `test`. No image is opened; `frames` makes no difference.

    Raises ValueError, in one line with the file and the remedy, for a missing folder or file, broken JSON, an empty sentence, and a frame
    that is listed twice or behind the end of its video. What a .mat file holds is checked when it is read.
    """
    if split != SPLIT:
        raise ValueError(f"jhmdb_sentences has no split {split!r}; its only one is {SPLIT!r}, for training too (train.epochs 0)")
    path = root / JSON
    if not path.is_file():
        raise ValueError(f"{path} does not exist; fetch MTTR's JSON file, or pass the data set's folder with --data DIR")
    rows = _json.parse(LISTING, path)
    found = [_problems.attempt(source, root, f"{path}: {number}", row) for number, row in enumerate(rows)]
    check_files(path, [(its, row) for its, row in zip(found, rows, strict=True) if its is not None])
    sources = {key(row): its for its, row in zip(found, rows, strict=True) if its is not None}
    # Where all problems are listed, without what is nowhere.
    videos = tuple(video for video in to_videos(path, rows) if video.id in sources)
    return JHMDBSentences(videos, tuple(a2d_sentences.items(videos)), sources)


def source(root: Path, place: str, row: Row) -> Source:
    return Source(below(root, f"{place}.1", FRAMES, row.frame).parent, below(root, f"{place}.2", MASKS, row.masks))


def below(root: Path, place: str, folder: str, given: str) -> Path:
    """The path from `folder` on, in our root."""
    parts = PurePosixPath(given).parts
    if folder not in parts or ".." in parts:
        raise ValueError(f"{place} is {given!r}, expected a path through {folder}/; mend the file")
    return root.joinpath(*parts[parts.index(folder) :])


def check_files(path: Path, listed: list[tuple[Source, Row]]) -> None:
    """Every video has its masks and all its frames; one directory listing per video, not one look-up per frame."""
    for its, length in {its: row.frames for its, row in listed}.items():
        present = {entry.name for entry in its.folder.iterdir()} if its.folder.is_dir() else set()
        missing = [its.folder / f"{name}.png" for name in a2d_sentences.names(length) if f"{name}.png" not in present]
        missing += [] if its.mat.is_file() else [its.mat]
        if missing:
            _problems.found(f"{path} names {missing[0]}, which does not exist ({len(missing)} such of its video); {AGAIN}")


def to_videos(path: Path, rows: list[Row]) -> Iterator[Video]:
    seen = set[str]()
    for number, row in enumerate(rows):
        if key(row) in seen:
            _problems.found(f"{path}: {number}: {key(row)} is listed before; take one out")
            continue
        if not 1 <= frame(row) <= row.frames:
            _problems.found(f"{path}: {number}: frame {frame(row)} is listed, but the video has {row.frames}; mend the file")
            continue
        seen.add(key(row))
        said = Expression(key(row), row.text, OBJECT)
        yield Video(key(row), a2d_sentences.names(row.frames), (said,), annotated=frame(row) - 1, source=row.video)


def key(row: Row) -> str:
    """The image's id in MTTR's annotations."""
    return f"v_{row.video}_f_{frame(row)}"


def frame(row: Row) -> int:
    return int(PurePosixPath(row.frame).stem)


def read_mat(path: Path) -> Masks:
    """Masks [T, H, W] of all frames."""
    # All of these are what scipy raises for a damaged file, depending on where it is damaged; nothing else runs here.
    try:
        content = loadmat(path, variable_names=["part_mask"])
    except (OSError, ValueError, TypeError, IndexError, NotImplementedError, MatReadError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())}); {AGAIN}") from error
    masks_HWT = content.get("part_mask")
    if masks_HWT is None or masks_HWT.dtype.kind not in "buif" or masks_HWT.ndim not in (2, 3):
        found = "no 'part_mask'" if masks_HWT is None else f"part_mask of shape {masks_HWT.shape} and type {masks_HWT.dtype}"
        raise ValueError(f"{path} has {found}, expected numbers [height, width, frames]; {AGAIN}")
    # MATLAB drops the last dimension of a single frame.
    return np.atleast_3d(masks_HWT).transpose(2, 0, 1) > 0
