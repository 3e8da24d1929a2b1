"""What is counted of one frame of label maps: the pixels behind J and F, of predicted masks against true ones.

P predicted and G true masks, the empty one first; H W pixels; T frames; 7 counts (metrics/contour.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdit.metrics import contour
from vdit.metrics._packed import compiled
from vdit.score._png import Labels

VOID = 255  # in the truth: a pixel of which nobody said what it is


@dataclass(frozen=True, slots=True)
class Frame:
    """`predicted` and `true` are the ids that are seen, `void` only in `predicted`; the empty mask, id 0, leads both."""

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
    ours, theirs = seen(prediction), seen(truth)
    void = (truth == VOID)[None] if VOID in theirs else None
    theirs = tuple(found for found in theirs if found != VOID)
    counts = contour.pairs(split(prediction, ours), split(truth, theirs), void)
    return Frame(ours, theirs, np.stack(counts, axis=-1))


def same_ids(prediction: Labels, truth: Labels) -> Frame:
    """Each id's predicted mask with its true one; void pixels of the truth belong to no object. Counts of other pairs are zero."""
    ours, theirs = seen(prediction), tuple(found for found in seen(truth) if found != VOID)
    either = tuple(sorted({*ours, *theirs}))
    counts_PG7 = np.zeros((len(ours), len(theirs), len(contour.Counts._fields)), np.int64)
    true = split(np.where(truth == VOID, np.uint8(0), truth) if VOID in ours else truth, either)
    rows = [ours.index(found) if found in ours else 0 for found in either]
    columns = [theirs.index(found) if found in theirs else 0 for found in either]
    counts_PG7[rows, columns] = np.stack(contour.count(split(prediction, either), true), axis=-1)
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


def split(labels: Labels, ids: Sequence[int]) -> NDArray[np.bool_]:
    """A mask per id, [number of ids, H, W]; that of id 0 is empty."""
    masks: NDArray[np.bool_] = labels == np.array(ids, np.uint8)[:, None, None]
    masks[[found == 0 for found in ids]] = False
    return masks


@compiled
def _mark(values: NDArray[np.uint8], present: NDArray[np.bool_]) -> None:
    for value in values:
        present[value] = True
