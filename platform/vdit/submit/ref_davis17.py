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

from vdit.appearing import appearing
from vdit.benchmarks import ref_davis17
from vdit.submit.folder import component
from vdit.submit.pages import Shares, Stream, Write
from vdit.submit.png import write_labels
from vdit.video import Expression, Split, Video

BACKGROUND = 0.1


def listing(root: Path, split: str) -> Split:
    """What is to be predicted: the benchmark's own loader, since its masks are public."""
    return ref_davis17.read(root, split, 1)


def finished(out: Path, video: Video) -> bool:
    """Folders of videos appear whole, one annotator's after the other's."""
    return all(folder.is_dir() for folder in folders(out, video))


def folders(out: Path, video: Video) -> list[Path]:
    return [out / f"anno_{annotator}" / component(video.id, "video") for annotator in range(ref_davis17.ANNOTATORS)]


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
    """Who said each expression, by its id."""
    wrong = next(ref_davis17.misnumbered(video), "" if all(said.object for said in video.expressions) else ": one names the background")
    if wrong:
        given = ", ".join(f"{said.id} of object {said.object}" for said in video.expressions)
        raise ValueError(f"{video.id} has the expressions {given}{wrong}; convert it again")
    return {said.id: ref_davis17.annotator(said) for said in video.expressions}


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
