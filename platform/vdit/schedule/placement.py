"""Where a gang can stand: on one node if any holds it, across nodes if not, or nowhere; and what an elastic trial shrinks to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vdit.config.trial import Launch, Trial

SHOWN = 8  # kinds of nodes that a message lists
Strategy = Literal["STRICT_PACK", "PACK"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A gang: so many workers, each with its cores and, where `gpu` is set, a GPU of its own."""

    workers: int
    threads: int
    gpu: bool

    def worker(self) -> dict[str, float]:
        """What one worker asks Ray for."""
        return {"CPU": float(self.threads)} | ({"GPU": 1.0} if self.gpu else {})

    def __str__(self) -> str:
        one = amounts(self.worker())
        return f"{self.workers} workers of {one} each" if self.workers > 1 else f"1 worker of {one}"


@dataclass(frozen=True, slots=True)
class Machine:
    """A node, or `count` nodes of a kind that an autoscaler may start; with all they have, in use or not."""

    name: str
    resources: Mapping[str, float]
    count: int = 1

    def room(self, shape: Shape) -> int:
        """How many workers one of them holds."""
        return min(int(self.resources.get(name, 0) // amount) for name, amount in shape.worker().items() if amount)


@dataclass(frozen=True, slots=True)
class Placement:
    """How a gang of this shape is placed; `said` is for the log."""

    shape: Shape
    strategy: Strategy
    said: str


class ImpossibleError(ValueError):
    """No node, nor all of them together, holds a trial: Ray would wait for it for ever."""


def asked(launch: Launch) -> Shape:
    return Shape(launch.workers, launch.threads, launch.gpus > 0)


def place(shape: Shape, nodes: Sequence[Machine], startable: Sequence[Machine] = ()) -> Placement:
    """`nodes` are there, `startable` is what an autoscaler may start. Raises ImpossibleError naming what is asked and what there is."""
    largest = max((*nodes, *startable), key=lambda machine: machine.room(shape), default=None)
    if largest is not None and largest.room(shape) >= shape.workers:
        said = f"{shape}: each trial within one node (STRICT_PACK); {largest.name} holds {largest.room(shape)} workers"
        return Placement(shape, "STRICT_PACK", said)
    # Nodes that an autoscaler has started are among its kinds too: what it may start in all is not on top of what is there.
    total = max(room(shape, nodes), room(shape, startable))
    if total >= shape.workers:
        said = f"{shape}: no node holds them all, so trials span nodes (PACK); together these hold {total} workers"
        return Placement(shape, "PACK", said)
    raise ImpossibleError(
        f"a trial needs {shape}; the cluster has {listing(nodes, shape)}"
        + (f" and may start {listing(startable, shape)}" if startable else "")
        + "; lower launch.workers or launch.threads, or join a larger cluster with --address"
    )


def fit(trials: Sequence[Trial], nodes: Sequence[Machine], startable: Sequence[Machine] = ()) -> Placement:
    """As `place` for what trials of one launch ask for. Elastic ones take the most workers that divide their batches and are there now.

    Only where not even one fits on what is there do they wait for what may be started. Raises ImpossibleError.
    """
    wanted = asked(trials[0].launch)
    if not trials[0].launch.elastic:
        return place(wanted, nodes, startable)
    for workers in range(wanted.workers, 0, -1):
        shape = replace(wanted, workers=workers)
        if room(shape, nodes) >= workers and all(trial.divides(workers) for trial in trials):
            return place(shape, nodes)
    return place(wanted, nodes, startable)


def room(shape: Shape, machines: Sequence[Machine]) -> int:
    """How many workers all of them hold together: each on one node, whatever the gang."""
    return sum(machine.count * machine.room(shape) for machine in machines)


def listing(machines: Sequence[Machine], shape: Shape) -> str:
    """Nodes with what they have of what is asked and the workers they have room for; equal ones share an entry."""
    kinds: Counter[tuple[str, int]] = Counter()
    names: dict[tuple[str, int], str] = {}
    for machine in machines:
        kind = amounts({name: machine.resources.get(name, 0) for name in shape.worker()}), machine.room(shape)
        kinds[kind] += machine.count
        names.setdefault(kind, machine.name)
    lines = [
        f"{names[kind]}{f' and {count - 1} like it' if count > 1 else ''}: {kind[0]} (room for {kind[1]})"
        for kind, count in kinds.most_common(SHOWN)
    ]
    more = f", and {len(kinds) - SHOWN} other kinds" if len(kinds) > SHOWN else ""
    return "; ".join(lines) + more if lines else "no nodes"


def amounts(resources: Mapping[str, float]) -> str:
    """'4 CPU, 1 GPU'."""
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())
