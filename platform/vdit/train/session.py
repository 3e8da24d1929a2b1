"""One worker of a gang: trains its share of a trial, predicts and scores its share of the videos, then goes on with the next trial.

Imports, process group and frozen weights outlive the trial that loaded them (runtime.md, section 8).
"""

import gc
import logging
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from vdit import registry
from vdit.config.architecture import Architecture
from vdit.model.features import VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion, SwinStart
from vdit.model.vdit import VDIT
from vdit.train import checkpoint, folder, rehearsal
from vdit.train.clock import Clock
from vdit.train.evaluate import Evaluation, check
from vdit.train.group import Member
from vdit.train.loaded import Loaded
from vdit.train.loop import Loop
from vdit.train.machine import Machine
from vdit.train.nonfinite import check_finite
from vdit.train.progress import Progress
from vdit.train.retention import Retention
from vdit.train.shelf import Shelf, Weights, added, shelve
from vdit.video import Split

log = logging.getLogger(__name__)

# What frozen networks are: the backbone's name, its sizes, and the digest of the weights. Equal ones serve trial after trial.
Identity = tuple[str, Architecture, str]


class Session:
    """`runs` is the folder all workers share; the trial's own folder comes with `open`."""

    def __init__(self, member: Member, runs: Path) -> None:
        self.member, self.runs = member, runs
        self.machine = Machine(member.device)
        self.frozen: tuple[Identity, FrozenDiffusion | SwinStart] | None = None
        self.weights: tuple[Identity, Weights] | None = None
        self.code = Loaded(runs / "manifests")

    def open(self, place: Path) -> Progress:
        """Builds the trial whose folder this is and goes back to its last checkpoint, if it has one."""
        self.close()
        self.started, self.clock = time.time(), Clock()
        self.place, self.ticket = place, folder.read_ticket(place)
        self.code.check(self.ticket.code)
        train, valid = splits(self.ticket, self.runs)
        check(self.ticket.trial, valid)
        self.rehearses = (place / folder.REHEARSAL).exists()
        if self.rehearses:
            self.ticket, valid = rehearsal.alone(self.ticket, valid)
        trial = self.ticket.trial
        model = self.model()
        saved = None if self.rehearses else checkpoint.read(place / "checkpoint" / checkpoint.NAME)
        if saved is None and trial.launch.start:
            checkpoint.begin(model, Path(trial.launch.start), trial.train.class_head)
        self.evaluation: Evaluation | None = None
        self.loop = Loop(trial, model, train, self.member, self.clock)
        self.total = self.loop.schedule.steps
        self.valid = valid
        self.first: dict[str, Any] | None = None
        self.step = self.loop.restore(saved, place / "checkpoint" / checkpoint.NAME) if saved else 0
        self.retention = Retention(place / "checkpoint", trial.launch.keep)
        if self.member.rank == 0:
            folder.sweep(place, place / "checkpoint", place / "parts")
            folder.keep_rows(place / "metrics.jsonl", self.step)
            self.retention.tidy(self.step)
        log.info("%s, seed %d, key %s: at step %d of %d", trial.arm, trial.seed, self.ticket.key, self.step, self.total)
        return Progress("train", self.step, self.total)

    def close(self) -> None:
        """Gives back the memory of the trial before, all but its frozen networks: before the next one needs as much."""
        if hasattr(self, "loop"):
            self.loop.engine.destroy()
            del self.loop, self.evaluation
            collect()

    def model(self) -> VDIT:
        """The trial's model on frozen weights that are loaded once per session, not once per trial."""
        trial = self.ticket.trial
        identity = (trial.model.backbone.name, trial.model.architecture, self.ticket.weights)
        if self.frozen is not None and self.frozen[0] != identity:
            # Others are to be loaded: both at once may not fit.
            self.frozen = self.weights = None
            collect()
        if self.frozen is None:
            place = folder.weights_folder(trial, self.ticket.weights, self.runs)
            self.frozen = identity, registry.find("backbones", trial.model.backbone.name).load(trial.model, place, self.member.device)
            log.info("loaded the frozen networks of %s", place)
        else:
            log.info("frozen networks kept from the trial before")
        model = VDIT(trial.model, self.frozen[1], trial.seed)
        self.shelf = self.shelve(identity, self.frozen[1])
        self.equip(model)
        return model

    def shelve(self, identity: Identity, frozen: FrozenDiffusion | SwinStart) -> Shelf | None:
        """The trial's part of the store, if it has one. The weights are read for their digest once per session."""
        if isinstance(frozen, SwinStart) or self.ticket.trial.launch.store == "off":
            return None
        if self.weights is None or self.weights[0] != identity:
            self.weights = identity, Weights.of(frozen)
        return shelve(self.ticket, self.runs, self.weights[1])

    def equip(self, model: VDIT) -> None:
        """How the model computes, but not what."""
        model.features.recompute = self.ticket.trial.launch.recompute
        if self.shelf is not None and isinstance(model.features, VideoDiffusionFeatures):
            model.features.keep = self.shelf

    def advance(self) -> Progress:
        """The next piece of work, small enough to report: some steps, or a video per worker, or the end."""
        if self.step < self.total:
            return self.train()
        if self.evaluation is None:
            whole = self.loop.whole_model()
            self.equip(whole)
            self.evaluation = Evaluation(self.ticket.trial, whole, self.valid, self.place, self.member, clock=self.clock)
        if self.evaluation.remaining():
            self.evaluation.advance()
            log.info("scored %d of %d", self.evaluation.done, self.evaluation.total)
            return Progress("evaluate", self.evaluation.done, self.evaluation.total)
        return self.finish(self.evaluation)

    def train(self) -> Progress:
        """Steps up to the next report or checkpoint, whichever comes first. Rows are on disk before the checkpoint that covers them."""
        every = self.ticket.trial.launch
        last = min(self.total, *(self.step - self.step % count + count for count in (every.report_every, every.checkpoint_every)))
        rows = []
        while self.step < last:
            rows.append({"step": float(self.step), "time": time.time(), **self.loop.step(self.step)})
            self.step += 1
        if self.member.rank == 0:
            rows[-1] |= self.machine.sample()
            folder.append_rows(self.place / "metrics.jsonl", rows)
            self.retention.saw(row["loss"] for row in rows)
        if self.step % every.checkpoint_every == 0 or self.step == self.total:
            tensors = self.loop.gather()
            check_finite(tensors, self.step)
            if self.rehearses:
                losses = {name: rows[0][name] for name in ("loss", *self.loop.names)}
                self.first = {"losses": losses, "gradients": checkpoint.gradients(tensors)}
            if self.member.rank == 0:
                self.retention.write(tensors, self.step)
        log.info("step %d of %d, loss %.4f, %.2f s a step", self.step, self.total, rows[-1]["loss"], rows[-1]["seconds"])
        return Progress("train", self.step, self.total, tuple(rows))

    def finish(self, evaluation: Evaluation) -> Progress:
        store: list[Any] = [None] * self.member.world
        dist.all_gather_object(store, self.shelf.report() if self.shelf else {})
        result: dict[str, Any] = {}
        if self.member.rank == 0:
            self.code.check_late()
            result = self.result(evaluation) | ({"store": added(store)} if self.shelf else {})
            folder.write_json(self.place / "result.json", result)
            self.retention.end()
        dist.barrier()
        return Progress("done", 1, 1, (), result or {"rank": self.member.rank})

    def result(self, evaluation: Evaluation) -> dict[str, Any]:
        metrics = evaluation.merge()
        return {
            "key": self.ticket.key,
            "seed": self.ticket.trial.seed,
            "steps": self.total,
            "seconds": time.time() - self.started,
            "model_seconds": self.clock.seconds,
            "metrics": metrics,
            **({"first": self.first} if self.rehearses else {}),
        }


def splits(ticket: folder.Ticket, runs: Path) -> tuple[Split, Split]:
    """What a trial trains on and what it is measured on."""
    data = ticket.trial.data
    benchmark = registry.find("benchmarks", data.benchmark)
    root = benchmark.locate(data, folder.data_folder(ticket.trial, ticket.data, runs))
    return benchmark.read(root, data.train_split, data.frames), benchmark.read(root, data.eval_split, data.frames)


def collect() -> None:
    """Frees what only cycles keep, such as a DeepSpeed engine, and hands the GPU's memory back to its allocator."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
