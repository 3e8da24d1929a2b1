"""Everything of a data set read once: what is wrong with it, and the manifest that the trial key stands on.

A benchmark's own reading finds what is wrong with its listings; then several threads read what is listed (contents.py).
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from vdit.benchmarks import _problems
from vdit.config.data import Data
from vdit.config.manifest import folder_digest
from vdit.prepare.contents import Source
from vdit.registry import find
from vdit.video import Split, Video

# Told of a split's name and how much of it is done, and is known.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Count:
    """What of a split was read; `frames` are pictures, `masks` objects in frames."""

    videos: int = 0
    expressions: int = 0
    frames: int = 0
    masks: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """In one line which file, what is wrong with it, and what to do; `split` is empty where it concerns the folder."""

    split: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """`digest` is that of the folder's content, empty where some file of it cannot be read."""

    splits: dict[str, Count]
    problems: tuple[Problem, ...]
    digest: str


def check(benchmark: str, root: Path, splits: tuple[str, ...], manifests: Path, progress: Progress) -> Report:
    """Read `splits`, or all that have masks. Nothing is written but the manifest, to `manifests`.

    Raises ValueError where there is no such benchmark or folder, or no split to look at.
    """
    module = find("benchmarks", benchmark)
    if not root.is_dir():
        raise ValueError(f"{root}: no such data folder; check the path")
    names = splits or module.splits(root)
    if not names:
        raise ValueError(f"{root} has no split of {benchmark} with masks; check the path, or name a split with --split")
    counts: dict[str, Count] = {}
    problems: list[Problem] = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # Beside the decoding, so that most files come from the disk once.
        hashed = pool.submit(folder_digest, root, manifests)
        for name in names:
            with _problems.listed() as found:
                # None where nothing of it can be read.
                split: Split | None = _problems.attempt(module.read, root, name, Data().frames)
            sources = [] if split is None else read(split, "\n".join(found), pool, lambda *done, name=name: progress(name, *done))
            counts[name] = Count() if split is None else count(split, sources)
            found += [problem for source in sources for problem in source.problems]
            problems += [Problem(name, message) for message in dict.fromkeys(found)]
        try:
            digest = hashed.result()
        except ValueError as error:
            return Report(counts, (*problems, Problem("", str(error))), "")
    return Report(counts, tuple(problems), digest)


def read(split: Split, listed: str, pool: ThreadPoolExecutor, progress: Callable[[int, int], None]) -> list[Source]:
    """All frames and masks, in the order of the videos."""
    trained = frozenset((split.videos[item.video].id, split.videos[item.video].expressions[item.expression].id) for item in split.items)
    together: dict[str, list[Video]] = {}
    for video in split.videos:
        # No source has an empty name's, and no two videos one id.
        together.setdefault(video.source or f"video {video.id}", []).append(video)
    started = [pool.submit(Source(split, tuple(videos), trained, listed).check) for videos in together.values()]
    try:
        for done, _ in enumerate(as_completed(started), 1):
            progress(done, len(started))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    return [future.result() for future in started]


def count(split: Split, sources: list[Source]) -> Count:
    frames, masks = sum(source.frames for source in sources), sum(source.masks for source in sources)
    return Count(len(split.videos), sum(len(video.expressions) for video in split.videos), frames, masks)
