"""`vdit status` of many trials: CPU seconds and peak megabytes of the whole command, the start of Python included.

Run as `python tests/benchmarks/bench_status.py`. Of the trials' folders, which are made here, half are done, a quarter have begun, an
eighth have failed, and the rest are not there. Memory is linear: what a trial takes beyond an empty study does not grow with their number.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from vdit.study import plan as planning
from vdit.study import spec

START = "import sys; from vdit.cli import main; sys.exit(main())"
SECONDS = {5_000: 2.5, 10_000: 5.0}
HEAD = "study: many\npreset: miniature\ndata: {benchmark: miniature}\ndesign: grid\n"
TAPS = "taps: [released, [in], [up2], [down0], [mid], [up0], [up1], [up3], [down3], [down2]]"


def study(folder: Path, trials: int) -> Path:
    """A grid of a thousand arms, with so many seeds."""
    path = folder / "many.yaml"
    axes = f"axes: {{prompt: [image, text], noise: [gaussian, predicted], {TAPS}, timestep: {list(range(25))}}}\n"
    path.write_text(f"{HEAD}seeds: {list(range(trials // 1000))}\n{axes}" if trials else f"{HEAD}axes: {{timestep: [1]}}\n")
    return path


def populate(path: Path, runs: Path) -> dict[str, int]:
    """Makes the folders of the study's trials as they are in the middle of a run; returns how many are in which state."""
    states = ("done", "begun", "done", "failed", "done", "begun", "done", "missing")
    counts = dict.fromkeys(states, 0)
    for index, planned in enumerate(planning.build(spec.read(str(path)), runs).trials):
        state = states[index % len(states)]
        counts[state] += 1
        folder = runs / "trials" / planned.folder
        if state == "missing":
            continue
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"key": planned.key}))
        (folder / "metrics.jsonl").write_text('{"step": 0, "time": 0.0, "loss": 1.0}\n' * 20)
        if state == "done":
            result = {"key": planned.key, "seed": 0, "steps": 20, "seconds": 1.5, "metrics": {"j": 50.0, "f": 50.0, "jf": 50.0}}
            (folder / "result.json").write_text(json.dumps(result, indent=1))
        if state == "failed":
            (folder / "failure.json").write_text(json.dumps({"reason": "ValueError: no such file", "trace": "x" * 2000}))
    return counts


def status(path: Path, runs: Path, *arguments: str) -> tuple[float, float, str]:
    """CPU seconds and megabytes of `vdit status`, and what it printed."""
    out = path.parent / "out.txt"
    with out.open("w") as file:
        process = subprocess.Popen([sys.executable, "-c", START, "status", str(path), "--runs", str(runs), *arguments], stdout=file)
        _, code, usage = os.wait4(process.pid, 0)
    if code:
        raise RuntimeError(f"vdit status ended with status {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, out.read_text()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", choices=tuple(SECONDS), default=list(SECONDS))
    arguments = parser.parse_args()
    met, each = [], []
    for trials in sorted(arguments.trials):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            status(study(folder, 0), folder / "empty")
            _, empty, _ = status(study(folder, 0), folder / "empty")
            path = study(folder, trials)
            counts = populate(path, folder / "runs")
            seconds, megabytes, printed = status(path, folder / "runs")
        if f"{counts['done']}/{trials} COMPLETE" not in printed or f"{counts['failed']} FAILED" not in printed:
            raise RuntimeError(f"expected {counts} in what vdit status printed: {printed.splitlines()[-1]}")
        each.append((megabytes - empty) * 1e3 / trials)
        print(f"{trials:6,} trials: {seconds:5.2f} CPU s (at most {SECONDS[trials]:.1f}), {megabytes:4.0f} MB, {each[-1]:.2f} kB a trial")
        met.append(seconds <= SECONDS[trials])
    # It falls where the trials first fill what Python had allocated already.
    return 0 if all(met) and all(many <= 1.25 * few for few, many in pairwise(each)) else 1


if __name__ == "__main__":
    sys.exit(main())
