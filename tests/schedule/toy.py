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

from vdit.train.folder import append_rows, read_ticket, write_json
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
