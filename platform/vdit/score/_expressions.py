"""The course of protocols with one mask per expression: frames, then expressions weigh the same (the rule of MeViS; metrics.md A2)."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdit.metrics import contour
from vdit.score import _objects, _trees
from vdit.score._objects import Track
from vdit.score._png import Labels
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem

Count = Callable[[Labels, Labels, int], NDArray[np.int64]]


def tracks(clips: Iterable[tuple[str, Clip, tuple[str, ...], Count]], options: Options) -> tuple[list[Track], list[Problem]]:
    """A track per source of each (video, clip, names of its sources, how a frame is counted)."""
    found: list[Track] = []
    problems: list[Problem] = []
    with ThreadPoolExecutor(options.threads) as pool:
        for video, clip, names, count in clips:
            problems += _trees.gaps(clip)
            counted, wrong = _trees.compare(clip, count, pool)
            problems += wrong
            if not wrong:
                found += [
                    Track(video, name, f"{video}_{name}", clip.frames, np.stack(counts))
                    for name, counts in zip(names, zip(*counted, strict=True), strict=True)
                ]
    return found, problems


def count(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The seven counts of one frame's masks [H, W]."""
    return np.concatenate(contour.count(prediction[None], truth[None]))


def numbers(protocol: str, found: Sequence[Track]) -> dict[str, Any]:
    """Means over all expressions and, by video, over its expressions, with every frame's J and F."""
    every = _objects.means(found)
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
    return {"protocol": protocol, **every, "jf_all_expressions": {"J": every["J"], "F": every["F"]}, "jf": videos}
