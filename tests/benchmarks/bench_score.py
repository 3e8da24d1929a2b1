"""A folder of PNGs scored end to end under `davis-unsupervised`, against the flow of davis2017-evaluation; then cost and memory by frames.

Run as `python tests/benchmarks/bench_score.py`. Goals: 2,000 object-frames at 480x854 at least 10x faster on 2 cores, under 500 MB; time
linear in frames and memory flat. A goal not met is said, a wrong result fails. Each video is scored by the two in turn, so that both meet
the same load. Both have processes of their own; what numba takes to compile or to load its cache is reported apart.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bench_contour import Size, blob
from numpy.typing import NDArray
from PIL import Image
from yardstick import davis2017

from vdit.score import davis_unsupervised
from vdit.score.result import Options

OBJECTS, FRAMES = 2, 50  # of a video, about as many as in DAVIS 2017
THREADS = 2
GOAL, MEGABYTES = 10, 500
COMPILED = "warm-up"
PALETTE = list(range(256)) * 3  # of all 256 colours, as in the data sets: with fewer, Pillow would write fewer bits a pixel

Lists = Mapping[str, Mapping[str, list[float]]]


class Run(NamedTuple):
    found: Lists
    wall: float
    cpu: float
    megabytes: float


def ours(truth: Path, predictions: Path) -> Lists:
    videos = davis_unsupervised.score(truth, predictions, Options(threads=THREADS)).numbers["jf"]
    return {name: found["davis_unsupervised"] for name, found in videos.items()}


def run(score: Callable[[Path, Path], Lists], root: Path) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    found = score(root / "truth", root / "predictions")
    return Run(found, time.perf_counter() - wall, time.process_time() - cpu, peak())


def peak() -> float:
    """Megabytes of this process, so far. Not of its parent, whose peak getrusage hands down."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def write_video(root: Path, name: str, size: Size, seed: int) -> None:
    """Objects with wavy outlines that move; the predictions follow a little off and with the ids in another order."""
    rng = np.random.default_rng(seed)
    places = [(0.35, 0.3), (0.6, 0.65)]
    true = [blob(size, place, rng) for place in places]
    predicted = [blob(size, place, rng) for place in reversed(places)]
    for kind, masks in (("truth", true), ("predictions", predicted)):
        (root / kind / name).mkdir(parents=True)
        for frame in range(FRAMES):
            save(root / kind / name / f"{frame:05d}.png", [np.roll(mask, (frame // 4, frame), (0, 1)) for mask in masks])


def save(path: Path, masks: list[NDArray[np.bool_]]) -> None:
    labels = np.zeros(masks[0].shape, np.uint8)
    for number, mask in enumerate(masks, 1):
        labels[mask] = number
    image = Image.fromarray(labels)
    image.putpalette(PALETTE)
    image.save(path)


def fresh(score: Callable[[Path, Path], Lists], root: Path) -> Run:
    """In a process of its own, warmed up on one small video."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(run, score, root.parent / COMPILED).result()
        return pool.submit(run, score, root).result()


def compare(place: Path, size: Size, videos: int) -> None:
    """Both ways, video by video in turn; then all of it in a new process for the memory."""
    slow, fast = [], []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as theirs, ProcessPoolExecutor(1, spawn) as mine:
        for pool, score in ((theirs, davis2017.score), (mine, ours)):
            warm = pool.submit(run, score, place / COMPILED).result()
            print(f"first call of {score.__name__ if score is ours else 'the yardstick'}: {warm.wall:.2f} s")
        for index in range(videos):
            root = place / f"video-{index}"
            write_video(root, "video", size, index)
            slow.append(theirs.submit(run, davis2017.score, root).result())
            fast.append(mine.submit(run, ours, root).result())
            for measure in ("J", "F"):
                np.testing.assert_allclose(fast[-1].found["video"][measure], slow[-1].found["video"][measure], rtol=0, atol=1e-12)
    whole = fresh(ours, linked(place / "all", [place / f"video-{index}" for index in range(videos)], videos))
    for index, one in enumerate(fast):
        assert whole.found[f"video-{index}"] == one.found["video"]
    walls, cpus = (
        (sum(one.wall for one in slow), sum(one.wall for one in fast)),
        (sum(one.cpu for one in slow), sum(one.cpu for one in fast)),
    )
    print(f"{videos * FRAMES * OBJECTS} object-frames of {size.height}x{size.width}, {THREADS} threads; seconds")
    print(f"{'':>6} {'davis2017':>10} {'ours':>8} {'ratio':>7}")
    for name, (theirs_, mine_) in (("wall", walls), ("CPU", cpus)):
        print(f"{name:>6} {theirs_:10.2f} {mine_:8.3f} {theirs_ / mine_:6.1f}x")
    print(
        f"all videos in one go: {whole.wall:.2f} s, peak {whole.megabytes:.0f} MB (yardstick: {max(one.megabytes for one in slow):.0f} MB)"
    )
    print(f"at least {GOAL}x: {said(walls[0] / walls[1] >= GOAL)}; under {MEGABYTES} MB: {said(whole.megabytes < MEGABYTES)}")


def said(met: bool) -> str:
    return "met" if met else "not met"


def linked(root: Path, videos: list[Path], number: int) -> Path:
    """A tree of that many videos, which are links to the given ones in turn."""
    for kind in ("truth", "predictions"):
        (root / kind).mkdir(parents=True)
        for index in range(number):
            (root / kind / f"video-{index}").symlink_to(videos[index % len(videos)] / kind / "video")
    return root


def long(root: Path, video: Path, frames: int) -> Path:
    """One video of that many frames, which are links to those of the given one in turn."""
    for kind in ("truth", "predictions"):
        (root / kind / "video").mkdir(parents=True)
        for index in range(frames):
            (root / kind / "video" / f"{index:05d}.png").symlink_to(video / kind / "video" / f"{index % FRAMES:05d}.png")
    return root


def grow(place: Path, size: Size, frames: list[int]) -> None:
    """Time per frame and peak memory of trees of more and more videos, then of one long video."""
    write_video(place / "grown", "video", size, 0)
    print(f"{size.height}x{size.width}, {FRAMES} frames a video\n{'frames':>7} {'wall s':>8} {'CPU ms/frame':>13} {'peak MB':>8}")
    trees = [(number, "", linked(place / f"frames-{number}", [place / "grown"], number // FRAMES)) for number in frames]
    if frames:
        trees.append((max(frames), "  in one video", long(place / "long", place / "grown", max(frames))))
    for number, remark, root in trees:
        found = fresh(ours, root)
        print(f"{number:>7} {found.wall:8.2f} {found.cpu / number * 1e3:13.3f} {found.megabytes:8.0f}{remark}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--videos", type=int, default=20)
    options.add_argument("--size", type=int, nargs=2, default=(480, 854))
    options.add_argument("--frames", type=int, nargs="*", default=[1_000, 4_000, 16_000])
    options.add_argument("--grow-size", type=int, nargs=2, default=(240, 320))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_video(place / COMPILED, "video", Size(32, 48, 0), 0)
        compare(place, Size(*given.size, GOAL), given.videos)
        grow(place, Size(*given.grow_size, GOAL), given.frames)


if __name__ == "__main__":
    main()
