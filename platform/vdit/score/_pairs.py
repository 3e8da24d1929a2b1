"""What is counted of one frame of label maps: the pixels behind J and F, of predicted masks against true ones.

P predicted and G true masks, the empty one first; H W pixels; T frames; 7 counts (metrics/contour.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdit.metrics import contour
from vdit.metrics._packed import ALL, WORD, compiled, equal_64
from vdit.score._png import Labels

VOID = 255  # in the truth: a pixel of which nobody said what it is


@dataclass(frozen=True, slots=True)
class Frame:
    """`predicted` and `true` are the ids that are seen, after 0, which stands for the empty mask. Void is no id of the truth."""

    predicted: tuple[int, ...]
    true: tuple[int, ...]
    counts_PG7: NDArray[np.int64]

    def among(self, predicted: Iterable[int], true: Iterable[int]) -> NDArray[np.int64]:
        """Counts of these ids, [number of predicted, number of true, 7]; an id that is not seen is an empty mask."""
        rows = [self.predicted.index(found) if found in self.predicted else 0 for found in predicted]
        columns = [self.true.index(found) if found in self.true else 0 for found in true]
        return self.counts_PG7[np.ix_(rows, columns)]


def every_pair(prediction: Labels, truth: Labels) -> Frame:
    """Each predicted mask with each true one, the void pixels taken out of both."""
    ours, there = seen(prediction), seen(truth)
    theirs = without_void(there)
    counts = contour.pairs(prediction, truth, ours, theirs, VOID if VOID in there else None)
    return Frame(ours, theirs, np.stack(counts, axis=-1))


def same_ids(prediction: Labels, truth: Labels) -> Frame:
    """Each id's predicted mask with its true one; void pixels of the truth belong to no object. Counts of other pairs are zero."""
    ours, theirs = seen(prediction), without_void(seen(truth))
    either = sorted({*ours, *theirs})
    predicted = [found if found in ours else 0 for found in either]
    true = [found if found in theirs else 0 for found in either]
    counts_PG7 = np.zeros((len(ours), len(theirs), len(contour.Counts._fields)), np.int64)
    places = [ours.index(found) for found in predicted], [theirs.index(found) for found in true]
    counts_PG7[places] = np.stack(contour.each(prediction, truth, predicted, true), axis=-1)
    return Frame(ours, theirs, counts_PG7)


def stacked(frames: Sequence[Frame], predicted: Sequence[int], true: Sequence[int]) -> NDArray[np.int64]:
    """Counts of these ids in every frame, [P, G, T, 7]."""
    shape = (len(predicted), len(true), len(frames), len(contour.Counts._fields))
    counts_PGT7 = np.empty(shape, np.int64)
    for index, frame in enumerate(frames):
        counts_PGT7[:, :, index] = frame.among(predicted, true)
    return counts_PGT7


def seen(labels: Labels) -> tuple[int, ...]:
    """The values that occur, with 0 in any case, in order."""
    present = np.zeros(256, np.bool_)
    present[0] = True
    _mark(labels.reshape(-1), present)
    return tuple(np.flatnonzero(present).tolist())


def without_void(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(value for value in values if value != VOID)


@compiled
def _mark(values: NDArray[np.uint8], present: NDArray[np.bool_]) -> None:
    """Runs are long: most often the next 64 pixels are all like the last one."""
    last = np.uint8(0)
    for start in range(0, values.size, WORD):
        if start + WORD <= values.size and equal_64(values, start, last) == ALL:
            continue
        for value in values[start : start + WORD]:
            present[value] = True
            last = value
