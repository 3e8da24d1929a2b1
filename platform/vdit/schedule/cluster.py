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
    """Raises ValueError where no trial of this shape can ever be placed: Ray would wait for ever."""
    import ray

    have = ray.cluster_resources()
    need = {"CPU": launch.workers * launch.threads, "GPU": launch.workers if launch.gpus else 0}
    for resource, count in need.items():
        if count > have.get(resource, 0):
            raise ValueError(
                f"a trial of {launch.workers} workers needs {count} {resource}, the cluster has {have.get(resource, 0):g}; "
                "lower launch.workers or launch.threads, or join a larger cluster with --address"
            )


def leave() -> None:
    """Ends what `attach` started; a cluster of others goes on."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
