"""The course of every protocol on trees `<video>/<frame>.png` of label maps: read, compare, pick each video's objects, report."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vdit.score import _objects, _trees
from vdit.score._consistency import Consistency, whole
from vdit.score._objects import Track
from vdit.score._pairs import Frame, seen, without_void
from vdit.score._png import Labels, labels
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem, Result, admit


@dataclass(frozen=True, slots=True)
class Protocol:
    """`count` looks at a frame; `track` makes scored objects of a video's frames and of the highest id in its first one.

    `report` adds the videos' numbers under the names of the recorded results.
    """

    name: str
    says: str
    count: Callable[[Labels, Labels], Frame]
    track: Callable[[Clip, Sequence[Frame], int], tuple[list[Track], list[Problem]]]
    report: Callable[[Sequence[Track]], dict[str, Any]]
    ends: bool = True


def score(protocol: Protocol, truth: Path, predictions: Path, options: Options) -> Result:
    """Raises ValueError naming the predictions that are missing, unknown or unusable, unless `options` admits them."""
    clips, problems = _trees.pair(truth, [predictions])
    every = [clip if protocol.ends else _trees.without_ends(clip) for clip in clips]
    tracks: list[Track] = []
    consistency = Consistency()
    with ThreadPoolExecutor(options.threads) as pool:
        for clip, scored in zip(clips, every, strict=True):
            problems += _trees.gaps(scored)
            watch = consistency.video(len(scored.sources), whole)
            counted, wrong = _trees.compare(scored, lambda ours, theirs, _: protocol.count(ours, theirs), pool, watch)
            problems += wrong
            if not wrong:
                frames = [frame for (frame,) in counted]
                found, odd = protocol.track(scored, frames, first_frame(clip, scored, frames))
                tracks += found
                problems += odd
    admitted = admit(problems, options.missing)
    numbers = _objects.numbers(tracks) | consistency.numbers(tracks)
    return Result(
        protocol=protocol.says,
        numbers={"protocol": protocol.name, **numbers, "jf": protocol.report(tracks)},
        summary=_objects.summary({f"mean of objects ({len(tracks)})": numbers}),
        rows=_objects.rows(tracks),
        found=sum(clip.found for clip in every),
        wanted=sum(clip.wanted for clip in every),
        problems=admitted,
    )


def first_frame(clip: Clip, scored: Clip, frames: Sequence[Frame]) -> int:
    """The highest id in the first frame of the truth, 0 if it shows no object."""
    if clip.frames[0] == scored.frames[0]:
        return max(frames[0].true)
    return max(without_void(seen(labels(clip.truth / f"{clip.frames[0]}.png"))))


def objects(frames: Sequence[Frame], first: int) -> int:
    """How many objects the video has: the highest id in its first frame, as DAVIS counts, or in any frame if the first shows none."""
    return first or max(max(frame.true) for frame in frames)


def fixed(clip: Clip, frames: Sequence[Frame], ids: Sequence[int]) -> list[Track]:
    """Each id's predicted mask with its true one."""
    counts = [np.stack([frame.among([found], [found])[0, 0] for frame in frames]) for found in ids]
    return [
        Track(clip.name, str(found), f"{clip.name}_{found}", clip.frames, counts_T7) for found, counts_T7 in zip(ids, counts, strict=True)
    ]


def remarks(clip: Clip, frames: Sequence[Frame], first: int) -> list[Problem]:
    """On objects that the first frame does not show."""
    number = objects(frames, first)
    if not number:
        return [Problem("remark", str(clip.truth), "shows no object", "nothing of it is scored")]
    if not first:
        said = "shows no object in its first frame, and the public evaluator leaves such a video out"
        return [Problem("remark", str(clip.truth), said, "the objects of its other frames are scored")]
    late = sorted({found for frame in frames for found in frame.true if found > number})
    said = f"shows the objects {late} only after its first frame"
    return [Problem("remark", str(clip.truth), said, "they are not scored, as DAVIS counts objects")] if late else []


def unknown(clip: Clip, frames: Sequence[Frame], known: Sequence[int]) -> list[Problem]:
    """Predicted ids that no object of the video has."""
    extra = sorted({found for frame in frames for found in frame.predicted} - {0, *known})
    if not extra:
        return []
    said = f"has the ids {extra}, the truth has {list(known)}"
    return [Problem("unknown", str(clip.sources[0].folder), said, "write each object's id of the truth, and 0 elsewhere")]
