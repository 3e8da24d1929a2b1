"""DAVIS 2017 "semi-supervised": fixed ids, and the first and last frame are not scored (Pont-Tuset et al., 2017; metrics.md A2).

Void pixels of the truth (255) belong to no object. A video's objects are the ids 1 to the highest of its first frame.
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
    """From trees `<video>/<frame>.png`. A predicted id above the truth's is unknown, and the public evaluator stops there."""
    return _labelled.score(PROTOCOL, truth, predictions, options)


def track(clip: Clip, frames: Sequence[Frame], first: int) -> tuple[list[Track], list[Problem]]:
    ids = range(1, _labelled.objects(frames, first) + 1)
    problems = _labelled.remarks(clip, frames, first) + _labelled.unknown(clip, frames, ids)
    return _labelled.fixed(clip, frames, ids), problems


def report(tracks: Sequence[Track]) -> dict[str, Any]:
    return {video: {"davis_semisupervised": lists} for video, lists in _objects.per_video(tracks).items()}


PROTOCOL = _labelled.Protocol(
    "davis-semisupervised", "first and last frame dropped, void ignored, fixed ids", same_ids, track, report, ends=False
)
