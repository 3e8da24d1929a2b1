"""The course of protocols with one mask per expression: frames, then expressions weigh the same (the rule of MeViS; metrics.md A2)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdit.metrics import contour
from vdit.score import _objects, _trees
from vdit.score._consistency import Consistency, Seen
from vdit.score._objects import Track
from vdit.score._png import Labels
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem

# A video, its frames, the names of its sources, and how labels become masks of a source's expression, [H, W] bool.
Listed = tuple[str, Clip, tuple[str, ...], Seen]


def tracks(clips: Iterable[Listed], options: Options) -> tuple[list[Track], Consistency, list[Problem]]:
    """A track per source of each video."""
    found: list[Track] = []
    problems: list[Problem] = []
    consistency = Consistency()
    with ThreadPoolExecutor(options.threads) as pool:
        for video, clip, names, masks in clips:
            problems += _trees.gaps(clip)
            counted, wrong = _trees.compare(clip, partial(count, masks), pool, consistency.video(len(names), masks))
            problems += wrong
            if not wrong:
                found += [
                    Track(video, name, f"{video}_{name}", clip.frames, np.stack(counts))
                    for name, counts in zip(names, zip(*counted, strict=True), strict=True)
                ]
    return found, consistency, problems


def count(masks: Seen, prediction: Labels, truth: Labels, source: int) -> NDArray[np.int64]:
    """The seven counts of one frame."""
    ours, theirs = (found.astype(np.bool_, copy=False)[None] for found in masks(prediction, truth, source))
    return np.concatenate(contour.count(ours, theirs))


def numbers(protocol: str, found: Sequence[Track], consistency: Consistency) -> dict[str, Any]:
    """Means over all expressions and, by video, over its expressions, with every frame's J and F."""
    every: dict[str, Any] = dict(_objects.means(found))
    by_video: dict[str, list[Track]] = {}
    for track in found:
        by_video.setdefault(track.video, []).append(track)
    videos = {
        video: {
            "per_expression": {name: float(np.mean(values)) for name, values in lists.items()},
            "objects": [_objects.details(track) for track in by_video[video]],
        }
        for video, lists in _objects.per_video(found).items()
    }
    every |= consistency.numbers(found)
    return {"protocol": protocol, **every, "jf_all_expressions": {"J": every["J"], "F": every["F"]}, "jf": videos}
