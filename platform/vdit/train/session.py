"""One worker of a gang: trains its share of a trial, predicts and scores its share of the videos, then goes on with the next trial.

Imports, process group and frozen weights outlive the trial that loaded them (runtime.md, section 8).
"""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch.distributed as dist

from vdit import registry
from vdit.model.frozen import FrozenDiffusion
from vdit.model.vdit import VDIT
from vdit.train import checkpoint, folder, rehearsal
from vdit.train.evaluate import Evaluation, check
from vdit.train.group import Member
from vdit.train.loop import Loop

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a trial is: `done` of `total` steps or videos of `phase`. `rows` are the step metrics since the last report."""

    phase: str
    done: int
    total: int
    rows: tuple[dict[str, float], ...] = ()
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return bool(self.result)


class Session:
    """`runs` is the folder all workers share; the trial's own folder comes with `open`."""

    def __init__(self, member: Member, runs: Path) -> None:
        self.member, self.runs = member, runs
        self.frozen: tuple[tuple[str, str], FrozenDiffusion] | None = None

    def open(self, place: Path) -> Progress:
        """Builds the trial whose folder this is and goes back to its last checkpoint, if it has one."""
        self.started = time.time()
        self.place, self.ticket = place, folder.read_ticket(place)
        trial = self.ticket.trial
        benchmark = registry.find("benchmarks", trial.data.benchmark)
        root = benchmark.locate(trial.data, folder.data_folder(trial, self.ticket.data, self.runs))
        train, valid = (benchmark.read(root, split, trial.data.frames) for split in (trial.data.train_split, trial.data.eval_split))
        check(trial, valid)
        self.rehearses = (place / folder.REHEARSAL).exists()
        if self.rehearses:
            self.ticket, valid = rehearsal.alone(self.ticket, valid)
        trial = self.ticket.trial
        model = self.model()
        saved = None if self.rehearses else checkpoint.read(place / "checkpoint" / checkpoint.NAME)
        if saved is None and trial.launch.start:
            checkpoint.begin(model, Path(trial.launch.start), trial.train.class_head)
        self.loop = Loop(trial, model, train, self.member)
        self.total = self.loop.schedule.steps
        self.valid = valid
        self.evaluation: Evaluation | None = None
        self.first: dict[str, Any] | None = None
        self.step = self.loop.restore(saved, place / "checkpoint" / checkpoint.NAME) if saved else 0
        if self.member.rank == 0:
            folder.keep_rows(place / "metrics.jsonl", self.step)
        log.info("%s, seed %d, key %s: at step %d of %d", trial.arm, trial.seed, self.ticket.key, self.step, self.total)
        return Progress("train", self.step, self.total)

    def model(self) -> VDIT:
        """The trial's model on frozen weights that are loaded once per session, not once per trial."""
        trial = self.ticket.trial
        identity = (trial.model.backbone.name, self.ticket.weights)
        if self.frozen is None or self.frozen[0] != identity:
            place = folder.weights_folder(trial, self.ticket.weights, self.runs)
            self.frozen = identity, registry.find("backbones", trial.model.backbone.name).load(trial.model, place, self.member.device)
        model = VDIT(trial.model, self.frozen[1], trial.seed)
        model.features.recompute = trial.launch.recompute
        return model

    def advance(self) -> Progress:
        """The next piece of work, small enough to report: some steps, or a video per worker, or the end."""
        if self.step < self.total:
            return self.train()
        if self.evaluation is None:
            self.evaluation = Evaluation(self.ticket.trial, self.loop.whole_model(), self.valid, self.place, self.member)
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
            folder.append_rows(self.place / "metrics.jsonl", rows)
        if self.step % every.checkpoint_every == 0 or self.step == self.total:
            tensors = self.loop.gather()
            if self.rehearses:
                self.first = {"losses": rehearsal.losses(rows[0]), "gradients": checkpoint.gradients(tensors)}
            if self.member.rank == 0:
                checkpoint.write(self.place / "checkpoint", tensors, self.step)
        log.info("step %d of %d, loss %.4f, %.2f s a step", self.step, self.total, rows[-1]["loss"], rows[-1]["seconds"])
        return Progress("train", self.step, self.total, tuple(rows))

    def finish(self, evaluation: Evaluation) -> Progress:
        dist.barrier()
        result: dict[str, Any] = {}
        if self.member.rank == 0:
            result = self.result(evaluation)
            folder.write_json(self.place / "result.json", result)
        dist.barrier()
        return Progress("done", 1, 1, (), result or {"rank": self.member.rank})

    def result(self, evaluation: Evaluation) -> dict[str, Any]:
        metrics = evaluation.merge()
        return {
            "key": self.ticket.key,
            "seed": self.ticket.trial.seed,
            "steps": self.total,
            "seconds": time.time() - self.started,
            "metrics": metrics,
            **({"first": self.first} if self.rehearses else {}),
        }
