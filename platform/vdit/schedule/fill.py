"""Fills a store by Ray tasks before a study trains: the frozen work of all its trials, spread over the cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from vdit.config.trial import Launch


@ray.remote(max_restarts=3, max_task_retries=3)
class Filler:
    """A worker of a trial's own shape: rounding depends on the number of threads. What it has published stays when it dies."""

    def __init__(self, rank: int, world: int, threads: int, gpu: bool) -> None:
        self.rank, self.world, self.threads, self.gpu = rank, world, threads, gpu

    def fill(self, folder: str, runs: str) -> dict[str, dict[str, float]]:
        import torch

        from vdit.train.fill import fill
        from vdit.train.group import Member

        torch.set_num_threads(self.threads)
        return fill(Path(folder), Path(runs), Member(self.rank, self.world, torch.device("cuda" if self.gpu else "cpu")))


def fill(places: Sequence[Path], launch: Launch, runs: Path, world: int) -> list[dict[str, dict[str, float]]]:
    """What each of `world` workers did for each trial folder. On the cluster of this process; raises what a worker raised."""
    options: dict[str, Any] = {"num_cpus": launch.threads, "num_gpus": 1 if launch.gpus else 0}
    made = Filler.options(**options)  # type: ignore[attr-defined]
    workers = [made.remote(rank, world, launch.threads, bool(launch.gpus)) for rank in range(world)]
    try:
        return list(ray.get([worker.fill.remote(str(place), str(runs)) for place in places for worker in workers]))
    finally:
        for worker in workers:
            ray.kill(worker)


def room(launch: Launch) -> int:
    """How many such workers the cluster has room for."""
    have = ray.cluster_resources()
    return max(1, int(min(have.get("CPU", 0) // launch.threads, have.get("GPU", 0) if launch.gpus else float("inf"))))
