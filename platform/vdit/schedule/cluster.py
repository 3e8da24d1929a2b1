"""The Ray cluster a study runs on: an existing one, or one of our own on this machine, on loopback, quiet."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from vdit.config.trial import Launch

ADDRESS = "RAY_ADDRESS"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The address to join ("": RAY_ADDRESS, or one of our own), and what its autoscaler may start, by resource."""

    address: str
    grows: Mapping[str, float]


def attach(address: str) -> str:
    """Connects to `address` (or RAY_ADDRESS), or starts Ray on this machine; returns the address of its dashboard, "" without one.

    Ray's own chatter stays in its session logs.
    """
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    own = not (address or os.environ.get(ADDRESS))
    if own:
        # Every service of a single-machine cluster listens on 127.0.0.1 only.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    options: dict[str, object] = {"include_dashboard": False} if own else {"address": address or "auto"}
    context = ray.init(log_to_driver=False, logging_level="ERROR", **options)
    return f"http://{context.dashboard_url}" if context.dashboard_url else ""


def check(launch: Launch, grows: Mapping[str, float]) -> None:
    """Raises ValueError where no trial of this shape can ever be placed: Ray would wait for ever. `grows` is what `limits` found."""
    import ray

    have = ray.cluster_resources()
    need = {"CPU": launch.workers * launch.threads, "GPU": launch.workers if launch.gpus else 0}
    for resource, count in need.items():
        now, later = have.get(resource, 0), grows.get(resource, 0)
        if count > max(now, later):
            growth = f" and may start machines with {later:g}" if later else ""
            raise ValueError(
                f"a trial of {launch.workers} workers needs {count} {resource}, the cluster has {now:g}{growth}; "
                "lower launch.workers or launch.threads, or join a larger cluster with --address"
            )


def limits(autoscaling: Path | None) -> dict[str, float]:
    """By resource, what all machines have that an autoscaler may start; nothing without its file, which is the one `ray up` completes.

    A cluster that starts machines when trials wait for them has none at first. Each kind of machine counts up to its own limit, so with
    several kinds this is an upper bound. Raises ValueError for a file of another sort.
    """
    if autoscaling is None:
        return {}
    config = yaml.safe_load(autoscaling.read_text())
    if not isinstance(config, dict) or not {"available_node_types", "max_workers"} <= config.keys():
        raise ValueError(f"{autoscaling} has no available_node_types and max_workers; give the file that `ray up` leaves on the head")
    found: Counter[str] = Counter()
    for kind in config["available_node_types"].values():
        count = min(kind.get("max_workers", 0), config["max_workers"])
        found.update({resource: count * amount for resource, amount in kind["resources"].items()})
    return dict(+found)


def leave() -> None:
    """Ends what `attach` started; a cluster of others goes on."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
