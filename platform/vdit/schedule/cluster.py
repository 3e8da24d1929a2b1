"""The Ray cluster a study runs on: an existing one, or one of our own on this machine, on loopback, quiet."""

import gc
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from vdit.config.trial import Trial
from vdit.cycles import unsearched
from vdit.schedule import nodes
from vdit.schedule.placement import Machine, fit

ADDRESS = "RAY_ADDRESS"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The address to join ("": RAY_ADDRESS, or one of our own), and what its autoscaler may start."""

    address: str
    startable: tuple[Machine, ...] = ()

    @property
    def own(self) -> bool:
        """Whether Ray is started for this study, on this machine."""
        return not (self.address or os.environ.get(ADDRESS))


def attach(cluster: Cluster) -> str:
    """Connects to the cluster, or starts Ray on this machine; returns the address of its dashboard, "" without one.

    Ray's own chatter stays in its session logs. From here on SIGTERM, by which job schedulers ask for an end, is Ctrl-C.

    Raises ValueError where there is no cluster, or where it has another Ray or Python than this process.
    """
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    own = cluster.own
    if own:
        # Every service of a single-machine cluster listens on 127.0.0.1 only.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    # Without "local" Ray would join whatever somebody has started on this machine.
    options: dict[str, object] = {"address": "local", "include_dashboard": False} if own else {"address": cluster.address or "auto"}
    try:
        context = ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except (RuntimeError, ConnectionError) as error:
        if own:
            raise
        # What Ray says of another version is a page; of a cluster that is not there, a line.
        said = " ".join(str(error).split())
        raise ValueError(f"cannot join the Ray cluster at {cluster.address or os.environ.get(ADDRESS)}: {said}") from error
    # Ray's own answer to it is a stack trace and an abort, after which nothing of this process runs.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    return f"http://{context.dashboard_url}" if context.dashboard_url else ""


def check(cluster: Cluster, trials: Sequence[Trial], runs: Path) -> list[str]:
    """Before anything is started; returns what is worth a line.

    Raises ValueError where no trial of this kind can ever be placed, for which Ray would wait for ever, and where a node cannot take part.
    """
    shape = fit(trials, nodes.present(), cluster.startable).shape
    if cluster.own:
        return []
    count = nodes.check(shape, runs)
    left = [f"{line}; free it with ray.util.remove_placement_group if nobody needs it" for line in nodes.leftovers()]
    return [f"{count} nodes can take workers, all with the packages that are here", *left]


def startable(autoscaling: Path | None) -> tuple[Machine, ...]:
    """The kinds of machines that an autoscaler may start, and how many; none without its file, which is the one `ray up` completes.

    A cluster that starts machines when trials wait for them has none at first. Each kind counts up to its own limit, so with several kinds
    all together are an upper bound. Raises ValueError for a file of another sort.
    """
    if autoscaling is None:
        return ()
    config = yaml.safe_load(autoscaling.read_text())
    if not isinstance(config, dict) or not {"available_node_types", "max_workers"} <= config.keys():
        raise ValueError(f"{autoscaling} has no available_node_types and max_workers; give the file that `ray up` leaves on the head")
    kinds = config["available_node_types"].items()
    counts = {name: min(kind.get("max_workers", 0), config["max_workers"]) for name, kind in kinds}
    return tuple(Machine(name, kind["resources"], counts[name]) for name, kind in kinds if counts[name])


def leave() -> None:
    """Ends what `attach` started; a cluster of others goes on.

    Ray ends the process, with code 1, where a reference to one of its objects is dropped in the middle of its shutdown. The record's thread
    does so when it is the one that searches for cycles there: they are searched for before, and not meanwhile.
    """
    import ray

    if ray.is_initialized():
        with unsearched():
            gc.collect()
            ray.shutdown()
