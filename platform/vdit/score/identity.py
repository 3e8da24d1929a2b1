"""Fixed ids in all frames: each object of the truth against the predicted mask of its own id, objects pooled (metrics.md A2).

Void pixels of the truth (255) belong to no object, an id that is not predicted is an empty mask. Every id of a video's truth is an object.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vdit.score import _labelled, _objects
from vdit.score._objects import Track
from vdit.score._pairs import Frame, same_ids
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem, Result


def score(truth: Path, predictions: Path, options: Options) -> Result:
    """From trees `<video>/<frame>.png`."""
    return _labelled.score(PROTOCOL, truth, predictions, options)


def track(clip: Clip, frames: Sequence[Frame], _: int) -> tuple[list[Track], list[Problem]]:
    ids = known(frames)
    return _labelled.fixed(clip, frames, ids), _labelled.unknown(clip, frames, ids) + ([] if ids else _labelled.remarks(clip, frames, 0))


def known(frames: Sequence[Frame]) -> list[int]:
    """The ids of the truth, in any frame."""
    return sorted({found for frame in frames for found in frame.true} - {0})


def report(tracks: Sequence[Track]) -> dict[str, Any]:
    """Every frame's J and F of every object."""
    found: dict[str, Any] = {}
    for one in tracks:
        found.setdefault(one.video, {"objects": []})["objects"].append(_objects.details(one))
    return found


PROTOCOL = _labelled.Protocol("identity", "all frames, void ignored, fixed ids, a missing id is empty", same_ids, track, report)
