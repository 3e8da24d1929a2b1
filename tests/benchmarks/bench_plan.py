"""`vdit plan` of many trials: CPU seconds and peak megabytes of the whole command, the start of Python included.

Run as `python tests/benchmarks/bench_plan.py`. A first plan of one trial makes the manifest of the code and Python's bytecode, which are
kept from then on. "edited" is planned beside plan.json of a run of the same study with other training, so that every trial is compared.
Memory is linear: what a trial takes beyond an empty study does not grow with their number, by more than how full Python's tables are.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

HEAD = "study: many\npreset: miniature\ndata: {benchmark: miniature}\ndesign: grid\n"
TAPS = "taps: [released, [in], [up2], [down0], [mid], [up0], [up1], [up3], [down3], [down2]]"
START = "import sys; from vdit.cli import main; sys.exit(main())"
SECONDS = {10_000: 2.0, 100_000: 20.0}
# Measured from 10,000 to 100,000 trials: at most 1.23.
GROWTH = 1.5


def studies(trials: int) -> dict[str, str]:
    """Grids of so many trials: a thousand arms with many seeds, as many arms with one, and as many where an axis varies for some only."""
    steps = list(range(trials // 100))
    return {
        "seeds": f"seeds: {list(range(trials // 1000))}\n"
        f"axes: {{prompt: [image, text], noise: [gaussian, predicted], {TAPS}, timestep: {list(range(25))}}}\n",
        "arms": f"axes: {{timestep: {steps}, {TAPS}, prompt: [image, text], frames: [1, 2, 3, 4, 5]}}\n",
        "when": f"axes: {{noise: [gaussian, predicted], timestep: {steps}, {TAPS}, frames: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}\n"
        "when: {frames: {noise: [predicted]}}\n",
    }


def plan(folder: Path, text: str, *arguments: str) -> tuple[float, float, str]:
    """CPU seconds and megabytes of `vdit plan` of a study in `folder`, and what it printed."""
    study, out = folder / "many.yaml", folder / "out.txt"
    study.write_text(HEAD + text)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with out.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "plan", str(study), "--runs", str(folder / "runs"), *arguments],
            stdout=file,
            env={**environment, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")},
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"vdit plan ended with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, out.read_text()


def report(name: str, trials: int, measured: tuple[float, float, str], empty: float, said: str) -> float:
    """Kilobytes a trial beyond an empty study."""
    seconds, megabytes, printed = measured
    if said not in printed:
        raise RuntimeError(f"{name}: expected {said!r} in what vdit plan printed")
    each = (megabytes - empty) * 1e3 / trials
    print(f"{name:7} {trials:7,} trials: {seconds:6.2f} CPU s (at most {SECONDS[trials]:.0f}), {megabytes:5.0f} MB, {each:.2f} kB a trial")
    return each


def measure(folder: Path, trials: int) -> Iterator[tuple[str, tuple[float, float, str], str]]:
    """The kinds of studies, each with what its plan took and has to say."""
    for kind, text in studies(trials).items():
        yield kind, plan(folder, text), f"{trials} distinct trials, 0 done"
    text = studies(trials)["arms"]
    last = folder / "runs" / "studies" / "many" / "plan.json"
    last.parent.mkdir(parents=True)
    last.write_text(plan(folder, f"{text}train: {{max_steps: 1}}\n", "--json")[2])
    yield "edited", plan(folder, text), f"Since the last run: {trials} invalidated"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", choices=tuple(SECONDS), default=list(SECONDS))
    arguments = parser.parse_args()
    met = []
    each: dict[str, list[float]] = {}
    for trials in sorted(arguments.trials):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _, empty, _ = [plan(folder, "axes: {timestep: [1]}\n") for _ in range(2)][-1]
            for kind, measured, said in measure(folder, trials):
                each.setdefault(kind, []).append(report(kind, trials, measured, empty, said))
                met.append(measured[0] <= SECONDS[trials])
    linear = all(many <= GROWTH * few for kilobytes in each.values() for few, many in pairwise(kilobytes))
    return 0 if all(met) and linear else 1


if __name__ == "__main__":
    sys.exit(main())
