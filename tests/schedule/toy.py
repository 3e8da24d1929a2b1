"""A job without a model, for what is about gangs alone: exact sums over the global batch, a checkpoint a step, and who did it where.

What it adds up depends on the trial and the step, not on the number of workers nor on how often it was interrupted.
"""

import json
import os
import time
from pathlib import Path

import ray
import torch
import torch.distributed as dist

from vdit.train.folder import append_rows, keep_rows, read_ticket, write_json
from vdit.train.group import Member
from vdit.train.progress import Progress

STEPS, SECONDS, BATCH = 30, 0.2, 12


def expected(seed: int) -> int:
    return sum((seed + 1) * step * clip for step in range(STEPS) for clip in range(BATCH))


class Toy:
    def __init__(self, member: Member, runs: Path) -> None:
        self.member, self.runs = member, runs

    def open(self, folder: Path) -> Progress:
        self.folder, self.seed = folder, read_ticket(folder).trial.seed
        state = folder / "state.json"
        self.step, self.total = json.loads(state.read_text()) if state.exists() else (0, 0)
        at = {"pid": os.getpid(), "node": ray.get_runtime_context().get_node_id(), "rank": self.member.rank, "world": self.member.world}
        append_rows(folder / f"who.{self.member.rank}.jsonl", [{**at, "step": self.step}])
        return Progress("train", self.step, STEPS)

    def advance(self) -> Progress:
        if self.step == STEPS:
            if self.member.rank == 0:
                write_json(self.folder / "result.json", {"total": self.total})
            return Progress("done", 1, 1, (), {"total": self.total})
        time.sleep(SECONDS)
        share = range(self.member.rank, BATCH, self.member.world)
        part = torch.tensor(sum((self.seed + 1) * self.step * clip for clip in share))
        dist.all_reduce(part)
        self.step, self.total = self.step + 1, self.total + int(part)
        if self.member.rank == 0:
            write_json(self.folder / "state.json", (self.step, self.total))
        dist.barrier()
        return Progress("train", self.step, STEPS)


VALLEY_STEPS, BEST = 8, 300


def height(timestep: int, noise: str, step: int) -> float:
    """The loss of a step: the lower the nearer the time step is to `BEST`, and with each step."""
    return abs(timestep - BEST) / 100 + (0.5 if noise == "gaussian" else 0.0) + 1 / (1 + step)


class Valley:
    """A job for one worker whose loss is a formula of two axes; a checkpoint a step, and who did it."""

    def __init__(self, member: Member, runs: Path) -> None:
        self.member = member

    def open(self, folder: Path) -> Progress:
        self.folder, self.model = folder, read_ticket(folder).trial.model
        state = folder / "state.json"
        self.step = int(json.loads(state.read_text())) if state.exists() else 0
        keep_rows(folder / "metrics.jsonl", self.step)
        append_rows(folder / "who.jsonl", [{"pid": os.getpid(), "step": self.step}])
        return Progress("train", self.step, VALLEY_STEPS)

    def advance(self) -> Progress:
        loss = height(self.model.diffusion.timestep, self.model.noise.kind, self.step)
        if self.step == VALLEY_STEPS:
            write_json(self.folder / "result.json", {"seconds": 1.0, "metrics": {"jf": -loss}})
            return Progress("done", 1, 1, (), {"jf": -loss})
        time.sleep(SECONDS)
        row = {"step": float(self.step), "time": time.time(), "loss": loss}
        append_rows(self.folder / "metrics.jsonl", [row])
        self.step += 1
        write_json(self.folder / "state.json", self.step)
        return Progress("train", self.step, VALLEY_STEPS, (row,))


class Rehearsed:
    """A job that cannot run with a text prompt, and does in its first step the same whatever the time step is."""

    def __init__(self, member: Member, runs: Path) -> None:
        self.runs = runs

    def open(self, folder: Path) -> Progress:
        self.folder, self.trial = folder, read_ticket(folder).trial
        append_rows(folder / "who.jsonl", [{"pid": os.getpid()}])
        return Progress("train", 0, 1)

    def advance(self) -> Progress:
        if self.trial.model.prompt.kind == "text":
            raise RuntimeError("80 GB are not enough")
        first = {"losses": {"loss": float(len(self.trial.model.noise.kind))}, "gradients": {"a": 1.0}}
        write_json(self.folder / "result.json", {"seconds": 0.1, "metrics": {"jf": 1.0}, "first": first})
        return Progress("done", 1, 1, (), {"jf": 1.0})
