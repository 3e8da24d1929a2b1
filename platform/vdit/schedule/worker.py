"""A Ray actor that is one worker of a gang: one rank of its process group, doing the gang's job trial by trial."""

import logging
import os
import pkgutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ray

from vdit.schedule import nodes
from vdit.schedule.placement import Shape
from vdit.train import log

if TYPE_CHECKING:
    from vdit.train.progress import Progress


class Job(Protocol):
    """What a worker does, made of its `train.group.Member` and the folder all workers share. It lives as long as the worker."""

    def open(self, folder: Path) -> "Progress":
        """Begins the trial of this folder, or goes on with it where an earlier worker left it."""

    def advance(self) -> "Progress":
        """The next piece of it."""


@dataclass(frozen=True, slots=True)
class Crew:
    """What a gang is. `job` is "module:class" of its `Job`; `runs` the folder all workers share; `versions` those of the driver."""

    shape: Shape
    runs: str
    job: str
    versions: Mapping[str, str]


class SlowWorkersError(RuntimeError):
    """Workers did not answer within the bound of a wait."""


@ray.remote
class Worker:
    """Starts empty; `prepare` imports torch and the job, `join` makes the process group. Both outlive the trials."""

    def __init__(self, rank: int, crew: Crew) -> None:
        self.rank, self.crew = rank, crew
        self.host: str = ray.util.get_node_ip_address()

    def process(self) -> int:
        return os.getpid()

    def prepare(self) -> tuple[str, int]:
        """Imports what takes seconds, in all workers at once. Worker 0 gives the address at which it waits for the others.

        Raises ValueError where this worker's node has other versions than the driver: it may have joined when the study ran already.
        """
        # Before torch, which may not even be importable.
        nodes.admit(self.crew.versions, Path(self.crew.runs), nodes.by_id()[ray.get_runtime_context().get_node_id()].name)
        import torch

        from vdit.train import group

        shape = self.crew.shape
        torch.set_num_threads(shape.threads)
        self.job_class = pkgutil.resolve_name(self.crew.job)
        self.member = group.Member(self.rank, shape.workers, torch.device("cuda" if shape.gpu else "cpu"))
        if self.rank or shape.workers == 1:
            return "", 0
        self.store = group.listen(self.host, shape.workers)
        return self.host, self.store.port

    def join(self, host: str, port: int) -> None:
        """`host` and `port` are those that worker 0 gave; a worker alone has no use for them."""
        from vdit.train import group

        if self.member.world == 1:
            group.join(self.member)
        else:
            group.join(self.member, group.meet(self.member, host, port) if self.rank else self.store, self.host)
        self.job: Job = self.job_class(self.member, Path(self.crew.runs))

    def open(self, folder: str) -> "Progress":
        log.redirect(Path(folder), self.rank)
        logging.info("worker %d of %d: process %d on %s", self.rank, self.member.world, os.getpid(), self.host)
        return self.do(self.job.open, Path(folder))

    def advance(self) -> "Progress":
        return self.do(self.job.advance)

    def do(self, work: "Callable[..., Progress]", *arguments: Path) -> "Progress":
        from vdit.train.group import beside_peers

        with log.failures(), beside_peers():
            return work(*arguments)


def handles(workers: list[Any], seconds: float, method: str, *arguments: object) -> list[Any]:
    """Calls `method` on every worker and waits for all. The first error ends the wait: peers of a dead worker may never answer.

    Raises SlowWorkersError naming who has not answered after `seconds`.
    """
    order = [getattr(worker, method).remote(*arguments) for worker in workers]
    pending, results, deadline = list(order), {}, time.monotonic() + seconds
    while pending:
        ready, pending = ray.wait(pending, num_returns=1, timeout=max(0.0, deadline - time.monotonic()))
        if not ready:
            late = ", ".join(str(order.index(handle)) for handle in pending)
            raise SlowWorkersError(f"worker {late} of {len(workers)} did not finish `{method}` within {seconds:g} s")
        results[ready[0]] = ray.get(ready[0])
    return [results[handle] for handle in order]
