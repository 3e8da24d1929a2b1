"""Which benchmarks' results are written, and packed for a server: the files of this package that offer it, found by name."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.registry import find, members, nearest
from vdit.submit.pages import Write
from vdit.video import Split, Video


class Format(Protocol):
    """A benchmark's folder format. `writing` takes the windows of a video in order, `finished` knows a video that has been written."""

    def listing(self, root: Path, split: str) -> Split: ...
    def finished(self, out: Path, video: Video) -> bool: ...
    def writing(self, out: Path, video: Video, threshold: float) -> AbstractContextManager[Write]: ...


class Packer(Protocol):
    """A server's archive. `pack` returns what is wrong with the predictions, and writes it only where nothing is."""

    def listing(self, root: Path, split: str) -> RefYouTubeVOS: ...
    def pack(self, predictions: Path, split: RefYouTubeVOS, to: Path) -> list[str]: ...


def form(benchmark: str) -> Format:
    """Raises ValueError for a benchmark whose results are no folders of masks."""
    found: Format = member(benchmark, "writing", "the results of {} are no folders of masks")
    return found


def packer(benchmark: str) -> Packer:
    """Raises ValueError for a benchmark without a server."""
    found: Packer = member(benchmark, "pack", "no server takes an archive of {}")
    return found


def has_form(benchmark: str) -> bool:
    """Whether its results are folders of masks; else they are detections (submit/coco.py)."""
    return benchmark.replace("-", "_") in offering("writing")


def offering(public: str) -> list[str]:
    return [name for name in members("submit") if hasattr(find("submit", name), public) and hasattr(find("submit", name), "listing")]


def member(benchmark: str, offers: str, otherwise: str) -> Any:
    stem, known = benchmark.replace("-", "_"), offering(offers)
    if stem not in known:
        raise ValueError(f"{otherwise.format(repr(benchmark))}; {nearest(stem, known)}")
    return find("submit", stem)
