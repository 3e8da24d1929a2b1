"""`vdit plan` of many trials: CPU seconds and peak megabytes of the whole command, the start of Python included.

Run as `python tests/benchmarks/bench_plan.py`. A first plan of one trial makes the manifest of the code, which is kept from then on.
"edited" is planned beside plan.json of a run of the same study with other training, so that every trial is compared.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HEAD = "study: many\npreset: miniature\ndata: {benchmark: miniature}\ndesign: grid\n"
TAPS = "taps: [released, [in], [up2], [down0], [mid], [up0], [up1], [up3], [down3], [down2]]"
START = "import sys; from vdit.cli import main; sys.exit(main())"
SECONDS = {10_000: 2.0, 100_000: 20.0}


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
    with out.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "plan", str(study), "--runs", str(folder / "runs"), *arguments], stdout=file
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"vdit plan ended with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, out.read_text()


def report(name: str, trials: int, measured: tuple[float, float, str], empty: float, said: str) -> bool:
    seconds, megabytes, printed = measured
    if said not in printed:
        raise RuntimeError(f"{name}: expected {said!r} in what vdit plan printed")
    each = (megabytes - empty) * 1e3 / trials
    print(f"{name:7} {trials:7,} trials: {seconds:6.2f} CPU s (at most {SECONDS[trials]:.0f}), {megabytes:5.0f} MB, {each:.2f} kB a trial")
    return seconds <= SECONDS[trials]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", choices=tuple(SECONDS), default=list(SECONDS))
    arguments = parser.parse_args()
    met = []
    for trials in arguments.trials:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _, empty, _ = plan(folder, "axes: {timestep: [1]}\n")
            for kind, text in studies(trials).items():
                met.append(report(kind, trials, plan(folder, text), empty, f"{trials} distinct trials, 0 done"))
            text = studies(trials)["arms"]
            last = folder / "runs" / "studies" / "many" / "plan.json"
            last.parent.mkdir(parents=True)
            last.write_text(plan(folder, f"{text}train: {{max_steps: 1}}\n", "--json")[2])
            met.append(report("edited", trials, plan(folder, text), empty, f"Since the last run: {trials} invalidated"))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
