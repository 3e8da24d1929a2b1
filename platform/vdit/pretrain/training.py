"""How every stage is trained: AdamW for a fixed number of steps, resumable to the bit because a step draws by its number alone."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vdit.config.recipe import Training
from vdit.model.tensors import save
from vdit.pretrain.given import ROWS, WEIGHTS, Place
from vdit.train.folder import append_rows, keep_rows, sweep
from vdit.train.seeds import derive, drawing

CHECKPOINT = "checkpoint.safetensors"
# What the optimiser knows of a parameter. Its steps are its own: layers over time take none where there is one frame.
KNOWN = ("step", "exp_avg", "exp_avg_sq")
LOG_EVERY = 10  # steps whose mean loss is a row
SAVE_EVERY = 50  # steps; whole rows, so that those behind a checkpoint are written again as they were
CHECKS = 12  # times that the held-out clips are looked at
CPU = torch.device("cpu")
Row: TypeAlias = dict[str, float]
Report: TypeAlias = Callable[[Row], None]


@dataclass(frozen=True, slots=True)
class Draws:
    """Every random number of one step, but for the dropout that libraries draw themselves."""

    rng: np.random.Generator
    generator: torch.Generator


def draws(*parts: int | str) -> Draws:
    number = derive(*parts)
    return Draws(np.random.default_rng(number), torch.Generator().manual_seed(number))


class Task(Protocol):
    """What a stage trains. `module` holds all that is trained, what is thrown away afterwards too."""

    @property
    def module(self) -> nn.Module: ...

    def loss(self, draws: Draws) -> Tensor:
        """Of one batch."""

    def held_out(self) -> Mapping[str, float]:
        """Of clips that are not trained on, with the weights as they would be kept now; `module` is in eval mode."""

    def weights(self) -> Mapping[str, Tensor]:
        """What is kept in the end."""


def learning_rate(training: Training, step: int) -> float:
    """Of the step that follows `step` finished ones."""
    if step < training.warmup:
        return training.learning_rate * (step + 1) / training.warmup
    along = (step - training.warmup) / max(1, training.steps - training.warmup)
    return training.learning_rate * (training.floor + (1 - training.floor) * 0.5 * (1 + math.cos(math.pi * along)))


class State:
    """Parameters, moments and moving average of a stage, and how far it is."""

    def __init__(self, module: nn.Module, training: Training) -> None:
        self.module, self.training = module, training
        self.parameters = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        self.adam = torch.optim.AdamW(self.parameters.values(), betas=training.betas, weight_decay=training.weight_decay, fused=True)
        self.average = {name: parameter.detach().clone() for name, parameter in self.parameters.items()} if training.ema else {}
        self.step, self.seconds = 0, 0.0

    def advance(self, loss: Tensor) -> None:
        """One step of the optimiser."""
        self.adam.param_groups[0]["lr"] = learning_rate(self.training, self.step)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters.values(), self.training.clip)
        self.adam.step()
        self.step += 1
        # Young averages forget faster: otherwise they would carry the initial weights for thousands of steps.
        decay = min(self.training.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for name, average in self.average.items():
                average.lerp_(self.parameters[name], 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The module in eval mode, with the weights that would be kept."""
        kept = {name: self.parameters[name].detach().clone() for name in self.average}
        self.module.eval()
        with torch.no_grad():
            self.put(self.average)
            yield
            self.put(kept)
        self.module.train()

    def put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self.parameters[name].copy_(value)

    def save(self, folder: Path, key: str) -> None:
        """One file, replaced in one move."""
        tensors = {f"parameter/{name}": parameter.detach().contiguous() for name, parameter in self.parameters.items()}
        tensors |= {f"average/{name}": average for name, average in self.average.items()}
        for name, parameter in self.parameters.items():
            known = self.adam.state.get(parameter, {})
            tensors |= {f"{what}/{name}": known[what].contiguous() for what in KNOWN if what in known}
        save(tensors, folder / CHECKPOINT, {"step": str(self.step), "seconds": str(self.seconds), "key": key})

    def resume(self, folder: Path, key: str) -> None:
        """Goes on where `save` was last called; from the start where it never was. Raises ValueError for a file that cannot be read."""
        path = folder / CHECKPOINT
        if not path.exists():
            return
        try:
            with safe_open(path, framework="pt") as file:
                about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{path}: not a readable checkpoint ({error}); delete it and the stage starts again") from error
        if about["key"] != key:
            raise ValueError(f"{path} is of another recipe ({about['key'][:16]}); delete it and the stage starts again")
        self.step, self.seconds = int(about["step"]), float(about["seconds"])
        with torch.no_grad():
            self.put({name: tensors[f"parameter/{name}"] for name in self.parameters})
        self.average = {name: tensors[f"average/{name}"].clone() for name in self.average}
        for name, parameter in self.parameters.items():
            known = {what: tensors[f"{what}/{name}"].clone() for what in KNOWN if f"{what}/{name}" in tensors}
            if known:
                self.adam.state[parameter] = known


def train(task: Task, training: Training, place: Place, report: Report) -> None:
    """Trains to the end, from the last checkpoint; leaves weights, the curves and, last, result.json in the folder."""
    sweep(place.folder)
    state = State(task.module, training)
    state.resume(place.folder, place.key)
    keep_rows(place.folder / ROWS, state.step + 1)
    task.module.train()
    losses: list[float] = []
    seen: Row = {}
    began = time.monotonic() - state.seconds
    check_every = max(LOG_EVERY, training.steps // CHECKS)
    while state.step < training.steps:
        losses.append(_step(task, state, place))
        state.seconds = time.monotonic() - began
        last = state.step == training.steps
        checked = last or state.step % check_every == 0
        if checked or state.step % LOG_EVERY == 0:
            row = {"step": float(state.step), "time": time.time(), "loss": sum(losses) / len(losses), "seconds": state.seconds}
            seen = _look(task, state) if checked else {}
            row |= seen
            losses = []
            append_rows(place.folder / ROWS, [row])
            report(row)
        if not last and state.step % SAVE_EVERY == 0:
            state.save(place.folder, place.key)
    _conclude(task, state, place, seen)


def _step(task: Task, state: State, place: Place) -> float:
    with drawing(derive(place.seed, place.stage, state.step, "dropout"), CPU):
        loss = task.loss(draws(place.seed, place.stage, state.step))
    value = float(loss.detach())
    if not math.isfinite(value):
        raise ValueError(f"{place.stage}: the loss is {value} in step {state.step + 1}; lower {place.stage}.learning_rate")
    state.advance(loss)
    return value


def _look(task: Task, state: State) -> Row:
    with state.averaged():
        return {f"held_out/{name}": value for name, value in task.held_out().items()}


def _conclude(task: Task, state: State, place: Place, seen: Row) -> None:
    # Written before the last weights are put back: what is kept is a view of the module's own.
    with state.averaged():
        weights = {name: tensor.detach().contiguous() for name, tensor in task.weights().items()}
        save(weights, place.folder / WEIGHTS, {"key": place.key})
    place.finish(state.step, {**seen, "seconds": state.seconds})
    (place.folder / CHECKPOINT).unlink(missing_ok=True)


def weights(folder: Path) -> dict[str, Tensor]:
    """What a stage that is done has learned."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
