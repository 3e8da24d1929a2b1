"""MeViS's submission (Ding et al., ICCV 2023; not in the paper): Ref-YouTube-VOS's masks, but the zip holds the videos' folders themselves.

Layout     Annotations/<video>/<expression>/<frame>.png: mode L, 0 and 255, the frame's own size, every listed frame
Zip        <video>/<expression>/<frame>.png
Server     https://www.codabench.org/competitions/11420/ (valid has no public masks; valid_u has)
Listing    <split>/meta_expressions.json and <split>/JPEGImages/<video>/<frame>.jpg. An expression may name several objects, or none.
"""

from dataclasses import dataclass
from pathlib import Path

import pydantic

from vdit.benchmarks import ref_youtube_vos as layout
from vdit.submit import archive, ref_youtube_vos
from vdit.video import Expression, Video

finished, writing = ref_youtube_vos.finished, ref_youtube_vos.writing


@dataclass(frozen=True)
class Sentence:
    """What is said; which objects it names is not needed to predict."""

    exp: str


@dataclass(frozen=True)
class Entry:
    expressions: dict[str, Sentence]
    frames: list[str]


@dataclass(frozen=True)
class Listing:
    videos: dict[str, Entry]


LISTING = pydantic.TypeAdapter(Listing)


def listing(root: Path, split: str) -> layout.RefYouTubeVOS:
    """What is to be predicted. Raises ValueError naming the JSON or the frame that is missing or wrong."""
    path = root / split / "meta_expressions.json"
    if not path.is_file():
        splits = ", ".join(sorted(entry.parent.name for entry in root.glob("*/meta_expressions.json"))) or "(none)"
        raise ValueError(f"{path} does not exist; {root} has the splits {splits}: name one of them, or another folder with --data DIR")
    videos = tuple(to_video(path, name, entry) for name, entry in layout.parse(LISTING, path).videos.items())
    if not videos:
        raise ValueError(f"{path} lists no video; restore it from the archive")
    data = layout.RefYouTubeVOS(root / split, videos, ())
    layout.check_frames(path, data)
    return data


def to_video(path: Path, name: str, entry: Entry) -> Video:
    if not entry.frames:
        raise ValueError(f"{path}: videos.{name}.frames is empty; list its frames or remove the video")
    said = tuple(Expression(key, sentence.exp, layout.HIDDEN) for key, sentence in entry.expressions.items())
    return Video(name, tuple(sorted(entry.frames)), said)


def pack(predictions: Path, split: layout.RefYouTubeVOS, to: Path) -> list[str]:
    """As Ref-YouTube-VOS's, without the folder around the videos."""
    return archive.pack(predictions / ref_youtube_vos.FOLDER, split, to, prefix="")
