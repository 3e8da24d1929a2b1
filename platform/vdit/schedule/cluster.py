"""The Ray cluster a study runs on: an existing one, or one of our own on this machine, on loopback, quiet."""

import os

from vdit.config.trial import Launch

ADDRESS = "RAY_ADDRESS"


def attach(address: str) -> None:
    """Connects to `address` (or RAY_ADDRESS), or starts Ray on this machine. Ray's own chatter stays in its session logs."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    own = not (address or os.environ.get(ADDRESS))
    if own:
        # Every service of a single-machine cluster listens on 127.0.0.1 only.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    options: dict[str, object] = {"include_dashboard": False} if own else {"address": address or "auto"}
    ray.init(log_to_driver=False, logging_level="ERROR", **options)


def check(launch: Launch) -> None:
    """Raises ValueError where no trial of this shape can ever be placed: Ray would wait for ever. Nodes that may still come count."""
    import ray

    have, limit = ray.cluster_resources(), limits()
    need = {"CPU": launch.workers * launch.threads, "GPU": launch.workers if launch.gpus else 0}
    for resource, count in need.items():
        if count > max(have.get(resource, 0), limit.get(resource, 0)):
            growth = f" and may grow to {limit[resource]:g}" if limit.get(resource, 0) > have.get(resource, 0) else ""
            raise ValueError(
                f"a trial of {launch.workers} workers needs {count} {resource}, the cluster has {have.get(resource, 0):g}{growth}; "
                "lower launch.workers or launch.threads, or join a larger cluster with --address"
            )


def limits() -> dict[str, float]:
    """What the nodes that the autoscaler may start have together, by resource; empty where nothing scales.

    Ray publishes it to its own libraries only. The autoscaler writes it down shortly after the head has started, and takes the largest
    number of each kind of node, whatever the cluster's own limit is: an upper bound.
    """
    from ray._private.state import state

    return dict(state.get_max_resources_from_cluster_config() or {})


def leave() -> None:
    """Ends what `attach` started; a cluster of others goes on."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
