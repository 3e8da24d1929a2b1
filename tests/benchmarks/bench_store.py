"""CPU seconds of a study of 4 arms x 2 seeds at mid size, with and without the store of frozen features; goal: at most 0.9 times.

Run as `python tests/benchmarks/bench_store.py`. Each study runs in a process of its own, one after the other, and starts with an empty
store; rounds take turns, and the ratio is that of the medians. Losses of both have to be the same to the bit.
`--read` adds a round that finds the store filled.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GOAL = 0.9
STUDY = """study: mid
preset: miniature
data: {{frames: 5, world: {{train_videos: 8, valid_videos: 1, frames: 5, height: {height}, width: {width}, objects: 2}}}}
train: {{max_steps: {steps}, epochs: 9, batch: 1}}
evaluate: {{light: [], drift_clips: 0}}
launch: {{store: {store}}}
reference: VD-IT
seeds: [0, 1]
arms:
  VD-I: {{prompt: image, noise: gaussian}}
  VD-T: {{prompt: text, noise: gaussian}}
  VD-IT without noise prediction: {{prompt: image+text, noise: gaussian}}
  VD-IT: {{prompt: image+text, noise: predicted}}
model: {model}
"""


def model() -> str:
    """The yardstick's middle size as a study spells it, on the miniature's weights."""
    from pydantic import TypeAdapter
    from yardstick.mid import MODEL

    from vdit.config.model import Model

    sections: dict[str, Any] = TypeAdapter(Model).dump_python(MODEL, mode="json")
    return json.dumps(sections | {"backbone": {"name": "miniature"}})


def study(folder: Path, store: str, arguments: argparse.Namespace) -> Path:
    path = folder / "mid.yaml"
    path.write_text(
        STUDY.format(store=store, steps=arguments.steps, height=arguments.size[0], width=arguments.size[1], model=model()),
    )
    return path


def run(path: Path, runs: Path, weights: Path) -> None:
    """The whole study in this process; prints CPU seconds, losses and what the store counted."""
    import torch

    from vdit.features.store import create
    from vdit.schedule.run import prepare
    from vdit.study import plan as planning
    from vdit.study import spec
    from vdit.train.group import Member, alone
    from vdit.train.session import Session
    from vdit.train.shelf import added

    torch.set_num_threads(1)
    plan = planning.build(spec.read(str(path), weights=weights), runs)
    if plan.trials[0].trial.launch.store != "off":
        create(Path(plan.trials[0].trial.launch.store))
    losses, counts = [], []
    with alone(torch.device("cpu")):
        started = time.process_time()
        session = Session(Member(0, 1, torch.device("cpu")), runs)
        for planned in plan.trials:
            progress = session.open(prepare(planned, plan, runs))
            while not progress.finished:
                losses += [row["loss"] for row in progress.rows]
                progress = session.advance()
            counts.append(progress.result.get("store", {}))
        print(json.dumps({"seconds": time.process_time() - started, "losses": losses, "store": added(counts), "trials": len(plan.trials)}))


def measured(folder: Path, name: str, store: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """A study in a process of its own, with a runs folder of its own but the same weights."""
    place = folder / name
    place.mkdir()
    path = study(place, store, arguments)
    command = [sys.executable, __file__, "--run", str(path), str(place / "runs"), str(folder / "weights")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(folder: Path, arguments: argparse.Namespace) -> bool:
    from yardstick.mid import MODEL

    from vdit.backbones import miniature

    miniature.build(folder / "weights", MODEL.architecture, 0)
    seconds: dict[str, list[float]] = {"off": [], "on": []}
    for turn in range(arguments.rounds):
        store = folder / f"store-{turn}"
        off = measured(folder, f"off-{turn}", "off", arguments)
        on = measured(folder, f"on-{turn}", str(store), arguments)
        if on["losses"] != off["losses"] or not off["losses"]:
            raise RuntimeError(f"losses differ: {off['losses']} without the store, {on['losses']} with it")
        for kind, found in (("off", off), ("on", on)):
            seconds[kind].append(found["seconds"])
        size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        counts = "; ".join(f"{stage}: {count['encoded']} encoded, {count['read']} read" for stage, count in on["store"].items())
        print(f"round {turn}: {off['seconds']:.1f} CPU s without, {on['seconds']:.1f} with; {counts}; {size / 1e6:.0f} MB", flush=True)
    if arguments.read:
        again = measured(folder, "read", str(folder / "store-0"), arguments)
        print(f"filled store: {again['seconds']:.1f} CPU s, {again['store']}")
    ratio = statistics.median(seconds["on"]) / statistics.median(seconds["off"])
    print(f"with / without the store: {ratio:.3f} (at most {GOAL}); {off['trials']} trials, {len(off['losses'])} steps, the same losses")
    return ratio <= GOAL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8, help="of each trial")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 160), help="height and width of the frames")
    parser.add_argument("--read", action="store_true")
    parser.add_argument("--run", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run)
        return 0
    with tempfile.TemporaryDirectory() as name:
        return 0 if compare(Path(name), arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
