"""Folders of truth and of predictions laid side by side, read frame by frame by threads.

One video is read at a time, and only counts are kept of a frame, about a kilobyte.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from vdit.score._png import Labels, labels
from vdit.score.result import Problem, UnusableError

Counted = TypeVar("Counted")

AHEAD = 16  # frames that threads read while an earlier one is waited for


@dataclass(frozen=True, slots=True)
class Source:
    """One folder of predictions for a video's frames, and the names of the frames that it has."""

    folder: Path
    frames: frozenset[str]


@dataclass(frozen=True, slots=True)
class Clip:
    """A video, the names of its frames in order, their truth, and the predictions to compare with it."""

    name: str
    frames: tuple[str, ...]
    truth: Path
    sources: tuple[Source, ...]

    @property
    def found(self) -> int:
        return sum(len(source.frames.intersection(self.frames)) for source in self.sources)

    @property
    def wanted(self) -> int:
        return len(self.frames) * len(self.sources)


def pair(truth: Path, predictions: Sequence[Path]) -> tuple[list[Clip], list[Problem]]:
    """The videos of `truth`/<video>/<frame>.png, each with its folder under every one of `predictions`, and the videos truth has not.

    Raises ValueError if a folder does not exist or holds no video.
    """
    names = videos(truth, "truth")
    listed = [videos(root, "predictions") for root in predictions]
    extra = [
        Problem("unknown", str(root / name), "is no video of the truth", "remove it, or score it with its truth")
        for root, found in zip(predictions, listed, strict=True)
        for name in sorted(set(found).difference(names))
    ]
    return [clip(name, truth / name, [root / name for root in predictions]) for name in names], extra


def videos(root: Path, what: str) -> list[str]:
    """Names of the folders that hold masks."""
    if not root.is_dir():
        raise ValueError(f"{root} does not exist; name the folder of {what}, which has a folder per video")
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise ValueError(f"{root} has no folder in it; name the folder of {what}, which has a folder per video")
    return folders


def clip(name: str, truth: Path, predictions: Sequence[Path]) -> Clip:
    """Raises ValueError if the truth has no frame."""
    frames = sorted(masks(truth), key=lambda frame: (len(frame), frame))
    if not frames:
        raise ValueError(f"{truth} has no PNG in it; the truth is <video>/<frame>.png, or <video>/<expression>/<frame>.png per expression")
    return Clip(name, tuple(frames), truth, tuple(Source(folder, masks(folder)) for folder in predictions))


def masks(folder: Path) -> frozenset[str]:
    """Names of the frames that have a PNG; none if there is no such folder."""
    if not folder.is_dir():
        return frozenset()
    return frozenset(entry.stem for entry in folder.iterdir() if entry.suffix == ".png" and not entry.name.startswith("."))


def without_ends(clip_: Clip) -> Clip:
    """The clip without its first and last frame. Raises ValueError if nothing is left."""
    if len(clip_.frames) < 3:
        raise ValueError(f"{clip_.truth} has {len(clip_.frames)} frames, and the first and last are not scored; give three or more")
    return replace(clip_, frames=clip_.frames[1:-1])


def gaps(clip_: Clip) -> list[Problem]:
    """Predictions that are not there, a whole folder as one problem; and a remark on those of frames that have no truth."""
    found: list[Problem] = []
    for source in clip_.sources:
        absent = [frame for frame in clip_.frames if frame not in source.frames]
        if len(absent) == len(clip_.frames):
            found.append(Problem("missing", str(source.folder), f"has none of the {len(absent)} masks of its video", "write them"))
        else:
            found += [Problem("missing", str(source.folder / f"{frame}.png"), "does not exist", "write it") for frame in absent]
        truth = masks(clip_.truth)
        if extra := sorted(source.frames - truth):
            said = f"has {len(extra)} masks of frames without truth, the first {extra[0]}.png"
            found.append(Problem("remark", str(source.folder), said, "they are not scored"))
    return found


def compare(
    clip_: Clip,
    count: Callable[[Labels, Labels, int], Counted],
    pool: Executor,
    watch: Callable[[Labels, Labels, int], None] | None = None,
) -> tuple[list[tuple[Counted, ...]], list[Problem]]:
    """`count(prediction, truth, source)` of every source in every frame; a prediction that is not there is empty.

    Each file is decoded once. The counts are whole only if there is no problem. `watch` sees the same in the order of the frames.
    """
    frames, problems = [], []
    for counted, seen, wrong in _in_order(pool, partial(_frame, clip_, count, watch is not None), clip_.frames):
        frames.append(counted)
        problems += wrong
        if watch:
            for index, (prediction, truth) in enumerate(seen):
                watch(prediction, truth, index)
    return frames, problems


def _in_order(pool: Executor, call: Callable[[str], Counted], frames: Sequence[str]) -> Iterator[Counted]:
    """As pool.map, which would keep all frames of a long video that are not fetched yet."""
    waiting: deque[Future[Counted]] = deque()
    for frame in frames:
        waiting.append(pool.submit(call, frame))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _frame(
    clip_: Clip, count: Callable[[Labels, Labels, int], Counted], keep: bool, frame: str
) -> tuple[tuple[Counted, ...], tuple[tuple[Labels, Labels], ...], list[Problem]]:
    """Counts, label maps (prediction, truth) if they are kept, and problems; maps are those of all sources, or none."""
    path = clip_.truth / f"{frame}.png"
    counted, seen, problems = [], [], []
    try:
        truth = labels(path)
    except UnusableError as error:
        return (), (), [error.problem]
    for index, source in enumerate(clip_.sources):
        try:
            prediction = _prediction(source, path, truth)
            counted.append(count(prediction, truth, index))
            seen.append((prediction, truth))
        except UnusableError as error:
            problems.append(error.problem)
    return tuple(counted), tuple(seen) if keep and not problems else (), problems


def _prediction(source: Source, path: Path, truth: Labels) -> Labels:
    if path.stem not in source.frames:
        return np.zeros_like(truth)
    mine = source.folder / path.name
    found = labels(mine)
    if found.shape != truth.shape:
        sizes = [f"{height}x{width}" for height, width in (found.shape, truth.shape)]
        raise UnusableError(mine, f"is {sizes[0]}, its truth is {sizes[1]} (height x width)", "resize it to the truth's size")
    return found
