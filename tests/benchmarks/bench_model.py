"""The model against a straightforward composition of stock parts (yardstick/released.py): CPU time and memory, two threads.

Run as `python tests/benchmarks/bench_model.py`, on a quiet machine. Threads wait asleep (OMP_WAIT_POLICY), in both forms: those that spin
while another one works would count as working. Both have the same random weights (sizes in yardstick/mid.py) and the same clip, 5 frames
of 256x320. They are measured in turns in one process, in CPU-seconds over all threads; memory, each form in a process of its own. Goals: a
training step 1.7x cheaper, 2.2x with what the frozen networks see given; 0.7x the memory; deformable attention 4x; a video with 4
expressions 2.4x. A goal not met is said, a wrong result fails.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

# Before OpenMP is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil
import torch
from torch import Tensor
from transformers.models.deformable_detr.modeling_deformable_detr import MultiScaleDeformableAttention
from yardstick import mid
from yardstick.criterion import losses as released_losses
from yardstick.criterion import total as released_total
from yardstick.extractor import Clips
from yardstick.released import Released

from vdit.config.train import LossWeights, MatchWeights
from vdit.model.batch import Batch, Targets
from vdit.model.deformable import sample
from vdit.model.encode import Encoded
from vdit.model.losses import losses, total, visible_frames
from vdit.model.released import features_state
from vdit.model.released_head import head_state
from vdit.model.vdit import VDIT

FRAMES, HEIGHT, WIDTH = 5, 256, 320
SIZES = ((32, 40), (16, 20), (8, 10), (4, 5))
FORMS = ("released", "ours", "ours, encoded given")


class Row(NamedTuple):
    """`ratio` is released / ours for time, ours / released for memory."""

    name: str
    released: float
    ours: float
    ratio: float
    goal: float

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.goal > 1 else self.ratio <= self.goal


def released_step(model: Released, clips: Clips, targets: Targets) -> float:
    """Forward, losses and backward; returns the loss."""
    model.zero_grad()
    loss = released_total(released_losses(model(clips, targets), targets))
    loss.backward()
    return loss.item()


def ours_step(model: VDIT, batch: Batch, encoded: Encoded | None) -> float:
    """The same; `encoded` spares what does not depend on trained weights."""
    assert batch.targets is not None
    model.zero_grad()
    outputs = model(batch, MatchWeights(), encoded)
    loss = total(losses(outputs, batch.targets, LossWeights(), float(visible_frames(batch.targets))), LossWeights())
    loss.backward()
    return loss.item()


@torch.inference_mode()
def released_video(model: Released, each: list[Clips]) -> list[Tensor]:
    """Mask logits [B, T, H, W] of each expression."""
    return [model.predict(clips).masks_BTHW for clips in each]


@torch.inference_mode()
def ours_video(model: VDIT, batch: Batch) -> list[Tensor]:
    seen = model.see(batch)
    each = (replace(batch, captions=(text,)) for text in mid.EXPRESSIONS)
    return [model.predict(worded, "best", seen).masks_BTQHW[:, :, 0] for worded in each]


class Sampling(NamedTuple):
    """Inputs of one deformable attention of the encoder: each pixel of each level reads near itself."""

    values_NSMD: Tensor
    places_NQMLP2: Tensor
    weights_NQMLP: Tensor
    gradient_NQC: Tensor


def sampling() -> Sampling:
    torch.manual_seed(0)
    count = sum(height * width for height, width in SIZES)
    centres = torch.cat([(torch.cartesian_prod(torch.arange(h), torch.arange(w)) + 0.5) / torch.tensor([h, w]) for h, w in SIZES]).flip(-1)
    sides_L2 = torch.tensor([(width, height) for height, width in SIZES])
    offsets = 2 * torch.randn(FRAMES, count, 8, 4, 4, 2) / sides_L2[:, None]
    weights = torch.randn(FRAMES, count, 8, 16).softmax(dim=-1).unflatten(-1, (4, 4))
    inputs = (torch.randn(FRAMES, count, 8, 32), centres[:, None, None, None] + offsets, weights)
    values, places, weights = (tensor.requires_grad_() for tensor in inputs)
    return Sampling(values, places, weights, torch.randn(FRAMES, count, 256))


def read(given: Sampling, how: Callable[..., Tensor]) -> tuple[Tensor, ...]:
    """What is read, and the gradients of values, places and weights."""
    output = how(given.values_NSMD, SIZES, given.places_NQMLP2, given.weights_NQMLP).flatten(2)
    gradients = torch.autograd.grad(output, (given.values_NSMD, given.places_NQMLP2, given.weights_NQMLP), given.gradient_NQC)
    return (output.detach(), *gradients)


def by_grid(values: Tensor, sizes: tuple[tuple[int, int], ...], places: Tensor, weights: Tensor) -> Tensor:
    starts = torch.tensor([0])  # asked for by other kernels only
    read: Tensor = MultiScaleDeformableAttention()(values, torch.tensor(sizes), list(sizes), starts, places, weights, 64)
    return read


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


class Contender(NamedTuple):
    """Work of ours, and how many times cheaper it should be."""

    name: str
    work: Callable[[], object]
    goal: float


def in_turns(released: Callable[[], object], ours: tuple[Contender, ...], rounds: int) -> list[Row]:
    """Medians of the rounds, and the median of each round's ratio."""
    times = [[cpu_seconds(work) for work in (released, *(contender.work for contender in ours))] for _ in range(rounds)]
    theirs, *own = zip(*times, strict=True)
    return [
        Row(name, median(theirs), median(column), median(slow / fast for slow, fast in zip(theirs, column, strict=True)), goal)
        for (name, _, goal), column in zip(ours, own, strict=True)
    ]


def off(given: Tensor, expected: Tensor) -> float:
    """The largest difference, in shares of the expected spread."""
    return float((given - expected).abs().max() / expected.std())


class Bench:
    """Both forms with the same weights, and what they are given."""

    def __init__(self) -> None:
        self.released = mid.released(mid.MODEL, seed=0)
        self.ours = mid.ours(mid.MODEL, seed=1)
        mid.fill(self.ours, self.released.state_dict())
        self.batch = mid.batch(mid.EXPRESSIONS[0], FRAMES, HEIGHT, WIDTH)
        assert self.batch.targets is not None
        self.targets = self.batch.targets
        self.encoded = self.ours.features.encode(self.batch)
        worded = (replace(self.batch, captions=(text,)) for text in mid.EXPRESSIONS)
        self.clips = [mid.clips(each) for each in worded]
        self.sampling = sampling()

    def differences(self) -> dict[str, tuple[float, float]]:
        """Difference and bound by name. Points on a pixel's edge have a one-sided gradient: that of places is not compared."""
        loss = released_step(self.released, self.clips[0], self.targets)
        found = {"loss": (abs(ours_step(self.ours, self.batch, None) - loss) / loss, 1e-5)}
        found["gradients"] = (self.gradients_off(), 1e-3)
        found["loss, encoded given"] = (abs(ours_step(self.ours, self.batch, self.encoded) - loss) / loss, 1e-5)
        masks = zip(ours_video(self.ours, self.batch), released_video(self.released, self.clips), strict=True)
        found["mask logits"] = (max(off(ours, released) for ours, released in masks), 1e-3)
        names = ("what is read", "values' gradient", "places' gradient", "weights' gradient")
        reads = zip(names, read(self.sampling, sample), read(self.sampling, by_grid), strict=True)
        return found | {
            f"deformable attention, {name}": (off(ours, released), 1e-4) for name, ours, released in reads if "places" not in name
        }

    def gradients_off(self) -> float:
        """Of the last steps: the length of the difference of all trained parameters' gradients, in shares of the released one's."""
        found = {name: tensor.grad for name, tensor in self.released.named_parameters(remove_duplicate=False) if tensor.grad is not None}
        released = {f"features.{name}": grad for name, grad in features_state(found).items()}
        released |= {f"head.{name}": grad for name, grad in head_state(found).items()}
        ours = {name: tensor.grad for name, tensor in self.ours.trainable().items()}
        if set(released) != set(ours):
            raise SystemExit(f"only one form trains {sorted(set(released) ^ set(ours))}")
        gaps = [(ours[name] - grad).square().sum() for name, grad in released.items()]
        return float((sum(gaps) / sum(grad.square().sum() for grad in released.values())) ** 0.5)

    def rows(self, rounds: int) -> list[Row]:
        steps = (
            Contender("training step", lambda: ours_step(self.ours, self.batch, None), 1.7),
            Contender("training step, encoded given", lambda: ours_step(self.ours, self.batch, self.encoded), 2.2),
        )
        attention = (Contender("deformable attention", lambda: read(self.sampling, sample), 4.0),)
        video = (Contender(f"video with {len(mid.EXPRESSIONS)} expressions", lambda: ours_video(self.ours, self.batch), 2.4),)
        return [
            *in_turns(lambda: released_step(self.released, self.clips[0], self.targets), steps, rounds),
            *in_turns(lambda: read(self.sampling, by_grid), attention, 3 * rounds),
            *in_turns(lambda: released_video(self.released, self.clips), video, rounds),
        ]


def step_alone(form: str) -> Callable[[], float]:
    """A training step of one form, built without the other."""
    batch = mid.batch(mid.EXPRESSIONS[0], FRAMES, HEIGHT, WIDTH)
    assert batch.targets is not None
    targets = batch.targets
    if form == "released":
        released, clips = mid.released(mid.MODEL, seed=0), mid.clips(batch)
        return lambda: released_step(released, clips, targets)
    ours = mid.ours(mid.MODEL, seed=0)
    read(sampling(), sample)  # compiles
    return lambda: ours_step(ours, batch, mid.unseen(batch) if form == "ours, encoded given" else None)


def memory(form: str) -> None:
    """Prints MB held before the step, and the most held until its end."""
    step = step_alone(form)
    before = psutil.Process().memory_info().rss / 2**20
    step()
    print(json.dumps([before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10]))


def memory_rows(threads: int) -> list[Row]:
    """The step's own, then the whole process's, with numbers in MB."""
    found = {}
    for form in FORMS:
        command = [sys.executable, str(Path(__file__).resolve()), "--threads", str(threads), "--memory", form]
        before, peak = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        found[form] = (peak - before, peak)
    rows = []
    for form in FORMS[1:]:
        for name, (ours, released) in zip(("step's memory", "peak memory"), zip(found[form], found["released"], strict=True), strict=True):
            rows.append(Row(f"{name}, {form}", released, ours, ours / released, 0.7))
    return rows


def table(rows: list[Row], unit: str) -> None:
    print(f"{unit:>42} {'released':>9} {'ours':>9} {'ratio':>7} {'goal':>6}")
    for row in rows:
        print(f"{row.name:>42} {row.released:9.2f} {row.ours:9.2f} {row.ratio:6.2f}x {row.goal:5.1f}x  {'met' if row.met else 'not met'}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--memory", choices=FORMS, help="measure the memory of one form in this process")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    if given.memory:
        memory(given.memory)
        return
    # First: a process starts with the peak of the one that started it.
    table(memory_rows(given.threads), "MB")
    bench = Bench()
    compiling = cpu_seconds(lambda: read(bench.sampling, sample))
    print(f"\nfirst deformable attention, numba's compilation or its cache: {compiling:.2f} CPU s")
    differences = bench.differences()
    for name, (difference, bound) in differences.items():
        print(f"{name:>42} differs by {difference:.1e}, bound {bound:.0e}")
    print()
    table(bench.rows(given.rounds), "CPU s")
    if any(difference > bound for difference, bound in differences.values()):
        raise SystemExit("results differ")


if __name__ == "__main__":
    main()
