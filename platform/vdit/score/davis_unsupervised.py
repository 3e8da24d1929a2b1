"""DAVIS 2017 "unsupervised": objects are matched to predicted ids so that mean J + F is greatest (Caelles et al., 2019; metrics.md A2).

All frames count, and the truth's void pixels (255) are taken out of both masks. A video's objects are the ids 1 to the highest of its first
frame. Swapped ids cost nothing here: `identity` is the protocol in which they do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vdit.metrics import contour
from vdit.score import _labelled, _objects
from vdit.score._objects import Track
from vdit.score._pairs import Frame, every_pair, stacked
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem, Result

PROPOSALS = 20  # predicted ids that the public evaluator takes in a video; it stops at one more


def score(truth: Path, predictions: Path, options: Options) -> Result:
    """From trees `<video>/<frame>.png`. An id above 20, such as a 255, is refused, as the public evaluator stops there."""
    return _labelled.score(PROTOCOL, truth, predictions, options)


def track(clip: Clip, frames: Sequence[Frame], first: int) -> tuple[list[Track], list[Problem]]:
    """The objects with the predicted ids that fit them best."""
    highest = max(max(frame.predicted) for frame in frames)
    if highest > PROPOSALS:
        said = f"has the id {highest}, the protocol takes at most {PROPOSALS} predicted objects"
        return [], [Problem("unusable", str(clip.sources[0].folder), said, "number objects from 1 and write 0 where there is none")]
    return assigned(clip, frames, _labelled.objects(frames, first)), _labelled.remarks(clip, frames, first)


def assigned(clip: Clip, frames: Sequence[Frame], number: int) -> list[Track]:
    """Objects 1 to `number` in the order of the predicted ids; one for which no id is left is matched with an empty mask."""
    proposals = max(number, *(found for frame in frames for found in frame.predicted))
    counts_PGT7 = stacked(frames, range(1, proposals + 1), range(1, number + 1))
    counts = contour.Counts(*np.moveaxis(counts_PGT7, -1, 0))
    fit_PG = (_objects.jaccard(counts).mean(-1) + contour.accuracy(counts).mean(-1)) / 2
    pairs = zip(*linear_sum_assignment(-fit_PG), strict=True)
    return [
        Track(clip.name, str(true + 1), f"{clip.name}_{order}", clip.frames, counts_PGT7[predicted, true])
        for order, (predicted, true) in enumerate(pairs, 1)
    ]


def report(tracks: Sequence[Track]) -> dict[str, Any]:
    return {video: {"davis_unsupervised": lists} for video, lists in _objects.per_video(tracks).items()}


PROTOCOL = _labelled.Protocol(
    "davis-unsupervised", "all frames, void removed, predicted ids matched to objects (Hungarian on mean J+F)", every_pair, track, report
)
