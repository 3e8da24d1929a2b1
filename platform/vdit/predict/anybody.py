"""Expressions asked of anybody's video: a folder for each, with a mask a frame and the video with the masks laid over it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vdit.appearing import appearing
from vdit.config.canonical import digest
from vdit.config.evaluate import Evaluate
from vdit.predict.benchmark import identity, stream
from vdit.predict.footage import Footage, clips
from vdit.predict.overlay import Overlay, overlay
from vdit.submit import folder
from vdit.submit.png import write_mask
from vdit.train.trained import Trained
from vdit.video import Expression, Frames, Masks

MASKS, OVERLAY, TEXT = "masks", "overlay.mp4", "expression.txt"
LONGEST = 80  # letters of a folder's name


@dataclass(frozen=True, slots=True)
class Question:
    """Expressions about one video, for one model; an expression's id names its folder in `out`."""

    trained: Trained
    footage: Footage
    expressions: tuple[Expression, ...]
    evaluate: Evaluate
    out: Path

    def missing(self) -> tuple[Expression, ...]:
        return tuple(said for said in self.expressions if not (self.out / said.id).is_dir())


class Sheet:
    """One expression's folder while it is being written."""

    def __init__(self, place: Path, stack: ExitStack, rate: float, first: Frames) -> None:
        self.masks = place / MASKS
        self.masks.mkdir(parents=True)
        self.overlay: Overlay = stack.enter_context(overlay(place / OVERLAY, rate, *first.shape[1:3]))

    def add(self, names: Sequence[str], frames: Frames, masks: Masks) -> None:
        for name, mask in zip(names, masks, strict=True):
            write_mask(self.masks / f"{name}.png", mask)
        self.overlay.add(frames, masks)


def expressions(texts: Sequence[str]) -> tuple[Expression, ...]:
    """Named by their words: "A red box" is asked for in a-red-box. Raises ValueError for none, one without words, and two of one name."""
    if not texts:
        raise ValueError("--video needs --expression TEXT: what is to be segmented")
    found: dict[str, Expression] = {}
    for text in texts:
        name = re.sub(r"\W+", "-", text.lower()).strip("-")[:LONGEST].rstrip("-")
        if not name:
            raise ValueError(f"--expression {text!r} has no words; say what is to be segmented")
        if name in found:
            raise ValueError(f"--expression {text!r} and {found[name].text!r} would both be in the folder {name}; say only one of them")
        found[name] = Expression(name, text, 0)
    return tuple(found.values())


def in_windows(evaluate: Evaluate) -> Evaluate:
    """Where a trial takes whole videos at once, windows of the usual length: anybody's video may be of any length."""
    return evaluate if evaluate.window else replace(evaluate, window=Evaluate().window)


def claim(question: Question, runs: Path) -> None:
    """Makes the folder one of this model's predictions on this video, which is known by its files' names, sizes and times."""
    folder.claim(question.out, {**identity(question.trained, question.evaluate, runs), "video": stamp(question.footage.path)})
    for said in question.expressions:
        text = question.out / said.id / TEXT
        if text.parent.is_dir() and (not text.is_file() or text.read_text() != said.text):
            raise ValueError(f"{text.parent} is not of the expression {said.text!r}; move it away or name a new folder with --out")


def stamp(path: Path) -> str:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return digest([[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files])


def answer(question: Question) -> Iterator[int]:
    """Predicts what is missing; gives the number of frames of each window that is done, and none where nothing is missing.

    Video-only work is done once a window for all expressions; memory does not grow with the video's length.
    """
    missing = question.missing()
    if not missing:
        return
    with ExitStack() as folders, ExitStack() as videos:
        places = {said.id: folders.enter_context(appearing(question.out / said.id)) for said in missing}
        sheets: dict[str, Sheet] = {}
        for names, frames in clips(question.footage, question.evaluate.window):
            if not sheets:
                sheets = {name: Sheet(place, videos, question.footage.rate, frames) for name, place in places.items()}
            for said, shares_THW in stream(question.trained, question.footage.path.stem, frames, missing, question.evaluate):
                sheets[said.id].add(names, frames, np.asarray(shares_THW > question.evaluate.threshold))
            yield len(names)
        for said in missing:
            (places[said.id] / TEXT).write_text(said.text)
