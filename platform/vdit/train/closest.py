"""What a head found, beside what it says: the masks of its surest query, and of the query whose masks come closest to the truth.

Where the two are far apart, the head finds what is meant and does not know that it is meant. Not in the paper.
T frames, Q queries, H W pixels of the frame as it is on disk.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from vdit.metrics import region
from vdit.model.vdit import VDIT
from vdit.train.predict import Inference, masks, window
from vdit.video import Expression, Masks, Sample


def of_video(
    model: VDIT, samples: Sequence[Sample], expressions: Sequence[Expression], how: Inference, truth: Mapping[str, Masks]
) -> tuple[dict[str, Masks], dict[str, Masks]]:
    """Masks [T, H, W] by expression id, of the surest query (what `predict` gives) and of the closest; both chosen in each window anew."""
    surest: dict[str, list[Masks]] = {expression.id: [] for expression in expressions}
    closest: dict[str, list[Masks]] = {expression.id: [] for expression in expressions}
    first = 0
    for sample in samples:
        frames = slice(first, first + len(sample.frames))
        for expression, shares_QTHW in window(model, sample, expressions, how, "all"):
            found_QTHW = masks(shares_QTHW, how)
            surest[expression.id].append(found_QTHW[0])
            closest[expression.id].append(nearest(found_QTHW, truth[expression.id][frames]))
        first = frames.stop
    return joined(surest), joined(closest)


def nearest(found_QTHW: Masks, truth_THW: Masks) -> Masks:
    """Those of the query with the highest J on average over the frames; of equals the first."""
    means = [region.measure(found_THW, truth_THW).mean() for found_THW in found_QTHW]
    chosen: Masks = found_QTHW[int(np.argmax(means))]
    return chosen


def joined(parts: Mapping[str, list[Masks]]) -> dict[str, Masks]:
    return {name: np.concatenate(found) for name, found in parts.items()}
