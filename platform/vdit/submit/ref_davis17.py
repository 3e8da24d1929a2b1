"""Ref-DAVIS17's results: for each of four annotators a label map per frame, in which the objects compete (spec section 6; Table 1).

Layout     anno_0 ... anno_3/<video>/<frame>.png: mode P with DAVIS's colours, a pixel's value is its object's id
Annotators an expression's id is object * 4 + annotator, objects counted from 0 in order of their id as a string: annotator 1 of the first
           frame and of the full video, then annotator 2 of both
Fusion     a probability below the threshold counts as 0, the background has 0.1, the largest wins; of equal ones the first

DAVIS numbers its frames from 00000 without gaps, so that a frame's name is its running index.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdit import registry
from vdit.submit.folder import appearing, component
from vdit.submit.pages import Shares, Stream, Write
from vdit.submit.png import write_labels
from vdit.video import Expression, Split, Video

ANNOTATORS = 4
BACKGROUND = 0.1


def listing(root: Path, split: str) -> Split:
    """What is to be predicted: the benchmark's own loader, since its masks are public."""
    found: Split = registry.find("benchmarks", "ref_davis17").read(root, split, 1)
    return found


def finished(out: Path, video: Video) -> bool:
    """Folders of videos appear whole, one annotator's after the other's."""
    return all(folder.is_dir() for folder in folders(out, video))


def folders(out: Path, video: Video) -> list[Path]:
    return [out / f"anno_{annotator}" / component(video.id, "video") for annotator in range(ANNOTATORS)]


@contextmanager
def writing(out: Path, video: Video, threshold: float) -> Iterator[Write]:
    """Takes a video's windows in order; its folders appear when the block ends.

    Raises ValueError where the ids do not say which annotator an expression is of.
    """
    annotator = annotators(video)
    with ExitStack() as stack:
        drafts = [stack.enter_context(appearing(folder)) for folder in folders(out, video)]
        for draft in drafts:
            draft.mkdir()

        def write(indices: Sequence[int], found: Stream) -> None:
            fusions: dict[int, Fusion] = {}
            for expression, shares_THW in found:
                fusions.setdefault(annotator[expression.id], Fusion(shares_THW.shape, threshold)).add(expression, shares_THW)
            for number, fusion in fusions.items():
                for index, labels_HW in zip(indices, fusion.labels_THW, strict=True):
                    write_labels(drafts[number] / f"{component(video.frames[index], f'{video.id}: frame')}.png", labels_HW)

        yield write


def annotators(video: Video) -> dict[str, int]:
    """Who said each expression, by its id, which is object * 4 + annotator."""
    said = sorted(video.expressions, key=lambda expression: int(expression.id) if expression.id.isdecimal() else -1)
    objects = [expression.object for expression in said]
    quartets = [set(objects[first : first + ANNOTATORS]) for first in range(0, len(said), ANNOTATORS)]
    numbered = [expression.id for expression in said] == [str(number) for number in range(len(said))]
    if not numbered or len(said) % ANNOTATORS or any(len(named) != 1 or 0 in named for named in quartets):
        given = ", ".join(f"{expression.id} of object {expression.object}" for expression in said)
        raise ValueError(f"{video.id} has the expressions {given}; expected 0, 1, 2 ..., each {ANNOTATORS} of one object; convert it again")
    return {expression.id: number % ANNOTATORS for number, expression in enumerate(said)}


class Fusion:
    """One annotator's label maps [T, H, W] of a window; in memory are the probabilities of one object, however many there are."""

    def __init__(self, shape: tuple[int, ...], threshold: float) -> None:
        self.threshold = threshold
        self.labels_THW: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.best_THW: Shares = np.full(shape, BACKGROUND, np.float32)

    def add(self, expression: Expression, shares_THW: Shares) -> None:
        """The object takes the pixels where it is above the threshold and above all before it."""
        wins_THW = (shares_THW >= self.threshold) & (shares_THW > self.best_THW)
        self.labels_THW[wins_THW] = expression.object
        self.best_THW[wins_THW] = shares_THW[wins_THW]
