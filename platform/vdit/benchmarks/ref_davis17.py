"""Ref-DAVIS17 (Khoreva et al., ACCV 2018): DAVIS 2017 with expressions of two annotators; Table 1 of the paper.

Source     https://davischallenge.org (DAVIS-2017-Unsupervised-trainval-480p, DAVIS-2017_semantics-480p); expressions: MPI-INF's page of
           "Video Object Segmentation with Language Referring Expressions"; `vdit data prepare davis` makes one folder of both
Licence    DAVIS: CC BY-NC 4.0
Layout     that of Ref-YouTube-VOS; with or without a folder 480p below JPEGImages and below Annotations. Every frame is annotated
Splits     train 60 videos, valid 30
Masks      palette PNGs whose pixel value is the object's id; 255 (void) is no object
Annotators each object has four expressions, whose ids are object * 4 + annotator, objects counted from 0 in the order of their ids as
           strings. Annotator 0 and 2 saw the first frame, 1 and 3 the whole video; 0 and 1 are one person, 2 and 3 the other
Scores     an object is predicted once for each annotator, and the four results are averaged
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdit.benchmarks import _problems, ref_youtube_vos
from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.video import Expression, Split, Video

locate, splits = ref_youtube_vos.locate, ref_youtube_vos.splits

ANNOTATORS = 4
VOID = 255
# The folder between a kind and its videos in the layout of DAVIS, which some conversions keep.
RESOLUTION = "480p"


class RefDavis17(RefYouTubeVOS):
    """One split."""

    def label(self, video: Video, index: int) -> NDArray[np.uint8]:
        """One label map; void is background."""
        pixels = super().label(video, index)
        pixels[pixels == VOID] = 0
        return pixels

    def place(self, kind: str, video: Video) -> Path:
        """The folder of the video's JPEGImages or Annotations, in either variant."""
        nested = self.folder / kind / RESOLUTION
        return (nested if nested.is_dir() else self.folder / kind) / video.id


def read(root: Path, split: str, frames: int) -> Split:
    """As `ref_youtube_vos.read`; raises ValueError, too, where a video's expressions are not four for each object."""
    data = ref_youtube_vos.index(RefDavis17, root, split, frames)
    for video in data.videos:
        check_annotators(root / "meta_expressions" / split / "meta_expressions.json", video)
    return data


def annotator(expression: Expression) -> int:
    """0 to 3: first frame and whole video of the first annotator, then of the second."""
    return int(expression.id) % ANNOTATORS


def check_annotators(path: Path, video: Video) -> None:
    for problem in misnumbered(video):
        _problems.found(f"{path}: videos.{video.id}.expressions{problem}; make it with `vdit data prepare davis`")


def misnumbered(video: Video) -> Iterator[str]:
    """What is wrong, to be read behind the place, unless the ids are 0, 1, 2, ... and each four name one object, which no other four do."""
    by_id = {said.id: said.object for said in video.expressions}
    expected = [str(number) for number in range(len(by_id))]
    if set(by_id) != set(expected) or len(by_id) % ANNOTATORS:
        yield f" has the ids {', '.join(by_id)}, expected 0, 1, 2, ... four for each object (object * 4 + annotator)"
        return
    named = [by_id[key] for key in expected]
    for first in range(0, len(named), ANNOTATORS):
        objects = set(named[first : first + ANNOTATORS])
        if len(objects) > 1 or objects & set(named[:first]):
            yield f": {first} to {first + ANNOTATORS - 1} name the objects {sorted(objects)}, expected one that no others name"
