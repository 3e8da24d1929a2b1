"""Fills a store by Ray tasks before a study trains: the frozen work of all its trials, spread over the cluster."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from vdit.config.trial import Launch
from vdit.schedule import nodes, placement
from vdit.schedule.placement import Machine, Shape

if TYPE_CHECKING:
    from vdit.train.shelf import Counts

START_SECONDS = 300.0  # for workers to get their cores, where nodes are there
MACHINE_SECONDS = 1800.0  # and where an autoscaler has to start them
LOOK_SECONDS = 30.0


@ray.remote(max_restarts=3, max_task_retries=3)
class Filler:
    """A worker of a trial's own shape: rounding depends on the number of threads. What it has published stays when it dies."""

    def __init__(self, threads: int, gpu: bool) -> None:
        self.threads, self.gpu = threads, gpu

    def here(self) -> bool:
        return True

    def fill(self, folder: str, runs: str, rank: int, world: int) -> "Counts":
        import torch

        from vdit.train.fill import fill
        from vdit.train.group import Member

        torch.set_num_threads(self.threads)
        return fill(Path(folder), Path(runs), Member(rank, world, torch.device("cuda" if self.gpu else "cpu")))


def fill(places: Sequence[Path], shape: Shape, runs: Path, patience: float, say: Callable[[str], None]) -> "list[Counts]":
    """What each of `shape.workers` workers did for each trial folder. On the cluster of this process; raises what a worker raised.

    Raises ValueError where no worker has its cores after `patience` seconds; those that have share the work of those that have not.
    """
    made = Filler.options(num_cpus=shape.threads, num_gpus=1 if shape.gpu else 0)  # type: ignore[attr-defined]
    workers = [made.remote(shape.threads, shape.gpu) for _ in range(shape.workers)]
    try:
        started = arrived(workers, shape, patience, say)
        shares = [(place, rank, worker) for place in places for rank, worker in enumerate(started)]
        answers = [worker.fill.remote(str(place), str(runs), rank, len(started)) for place, rank, worker in shares]
        return collected(answers, replace(shape, workers=len(started)), patience)
    finally:
        for worker in workers:
            ray.kill(worker)


def arrived(workers: Sequence[Any], shape: Shape, patience: float, say: Callable[[str], None]) -> list[Any]:
    """The workers that have their cores: all, or those that have them after `patience`."""
    answers = {worker.here.remote(): worker for worker in workers}
    first = min(LOOK_SECONDS, patience)
    ready, late = ray.wait(list(answers), num_returns=len(answers), timeout=first)
    if late:
        say(f"waiting, {patience:.0f} s at most, for a place for {len(late)} of {shape}; `ray status` shows who holds the cluster")
        ready, late = ray.wait(list(answers), num_returns=len(answers), timeout=patience - first)
    if not ready:
        raise ValueError(
            f"store fill: none of {shape} had a place within {patience:.0f} s; `ray status` shows who holds the cluster: "
            "wait for it, or give fewer or smaller workers (--workers, launch.threads)"
        )
    ray.get(ready)
    for answer in late:
        ray.kill(answers.pop(answer))
    return list(answers.values())


def collected(answers: Sequence[Any], shape: Shape, patience: float, *, now: Callable[[], float] = time.monotonic) -> "list[Counts]":
    """All answers. Raises ValueError where nodes that held workers are gone for `patience` seconds: Ray would wait for ever for others."""
    left, since = list(answers), now()
    while True:
        _, left = ray.wait(left, num_returns=len(left), timeout=LOOK_SECONDS)
        if not left:
            return list(ray.get(list(answers)))
        if placement.room(shape, nodes.present()) >= shape.workers:
            since = now()
        elif now() - since >= patience:
            raise ValueError(f"store fill: the cluster has had no room for {shape} for {patience:.0f} s; what was encoded stays")


def crew(launch: Launch, wanted: int, startable: Sequence[Machine]) -> Shape:
    """`wanted` workers of a trial's own, 0 for as many as there is room for: on the nodes that are there, else on one that can be started.

    Raises ValueError where more are wanted than can ever be placed.
    """
    one = replace(placement.asked(launch), workers=1)
    here = placement.room(one, nodes.present())
    most = max(here, placement.room(one, startable))
    if wanted > most:
        raise ValueError(f"--workers {wanted}: the cluster has room for {most} of {one}; give at most that, or 0 for as many as fit")
    return replace(one, workers=wanted or here or max(machine.room(one) for machine in startable))


def bound(shape: Shape) -> float:
    """How long workers may take to get their cores."""
    return START_SECONDS if placement.room(shape, nodes.present()) else MACHINE_SECONDS
