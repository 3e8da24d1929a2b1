"""Clusters of several nodes on this machine, and studies of the toy job on them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stage import Study


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without cores, on loopback, that this process is a driver of; nodes are added by the test."""
    temporary = tempfile.mkdtemp(prefix="vdit")
    settings = {
        "RAY_TMPDIR": temporary,
        "RAY_AUTH_MODE": "disabled",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "RAY_AIR_NEW_OUTPUT": "0",
        # What the nodes' processes import, the toy included.
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    ray.init(made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()
    shutil.rmtree(temporary, ignore_errors=True)


@pytest.fixture
def toys(tiny: Path, tmp_path: Path) -> Callable[..., Study]:
    """Makes a study of so many trials of the toy job with this `launch`."""

    def make(trials: int, launch: str) -> Study:
        text = tiny.read_text().replace("launch: {", f"launch: {{{launch}, ").replace("seeds: [0]", f"seeds: {list(range(trials))}")
        tiny.write_text(text.replace("  VD-T: {prompt: text, noise: gaussian}\n", "").replace("max_steps: 6", "max_steps: 6, batch: 12"))
        return Study(tiny, tmp_path / "runs")

    return make
