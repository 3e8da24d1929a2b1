"""The Ray cluster a study runs on: an existing one, or one of our own on this machine, on loopback, quiet."""

import os
from pathlib import Path

ADDRESS = "RAY_ADDRESS"


def attach(address: str, log: Path) -> None:
    """Connects to `address` (or RAY_ADDRESS), or starts Ray on this machine. Ray's own chatter stays in its session logs."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")
    own = not (address or os.environ.get(ADDRESS))
    if own:
        # Every service of a single-machine cluster listens on 127.0.0.1 only.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    options: dict[str, object] = {"include_dashboard": False} if own else {"address": address or "auto"}
    ray.init(log_to_driver=False, logging_level="ERROR", configure_logging=True, **options)


def cores() -> int:
    import ray

    return int(ray.cluster_resources().get("CPU", 0))
