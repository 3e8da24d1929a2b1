"""A Ray actor that is one DeepSpeed worker of a gang."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from vdit.train import log

if TYPE_CHECKING:
    from vdit.train.session import Progress


@ray.remote
class Worker:
    """Starts empty; `join` imports torch and DeepSpeed and makes the process group, which outlives the trials."""

    def __init__(self, rank: int, world: int, threads: int, gpu: bool, runs: str) -> None:
        self.rank, self.world, self.threads, self.gpu, self.runs = rank, world, threads, gpu, Path(runs)

    def rendezvous(self) -> str:
        """A free TCP address on this worker's node, for rank 0 to listen on."""
        host = ray.util.get_node_ip_address()
        with socket.socket() as probe:
            probe.bind((host, 0))
            return f"tcp://{host}:{probe.getsockname()[1]}"

    def process(self) -> int:
        return os.getpid()

    def join(self, rendezvous: str) -> None:
        import torch

        from vdit.train.group import Member, join
        from vdit.train.session import Session

        torch.set_num_threads(self.threads)
        member = Member(self.rank, self.world, torch.device("cuda") if self.gpu else torch.device("cpu"))
        join(member, rendezvous)
        self.session = Session(member, self.runs)

    def open(self, folder: str) -> "Progress":
        log.redirect(Path(folder), self.rank)
        with log.failures():
            return self.session.open(Path(folder))

    def advance(self) -> "Progress":
        with log.failures():
            return self.session.advance()


def handles(workers: list[Any], method: str, *arguments: object) -> list[Any]:
    """Calls `method` on every worker and waits for all. The first error ends the wait: peers of a dead worker may never answer."""
    pending = [getattr(worker, method).remote(*arguments) for worker in workers]
    order, results = list(pending), {}
    while pending:
        ready, pending = ray.wait(pending, num_returns=1)
        results[ready[0]] = ray.get(ready[0])
    return [results[handle] for handle in order]
