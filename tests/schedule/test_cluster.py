"""Which cluster is joined, how it is left, and what its autoscaler may start, by the file that Ray's launcher makes of cluster.yaml."""

import gc
import json
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config

from vdit.schedule import cluster
from vdit.schedule.placement import Machine

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "count", "has"), [("cluster.yaml", 8, {"CPU": 96, "GPU": 8}), ("onprem.yaml", 0, {})])
def test_the_kinds_are_those_of_the_file_that_ray_up_leaves_on_the_head(
    name: str, count: int, has: dict[str, float], tmp_path: Path
) -> None:
    """Eight machines of 96 cores and 8 GPUs; machines of one's own are all there from the start, with what Ray finds in them."""
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(json.dumps(prepare_config(yaml.safe_load((ROOT / "cluster" / name).read_text()))))
    kinds = cluster.startable(file)
    assert sum(kind.count for kind in kinds if kind.resources) == count
    assert all(has.items() <= kind.resources.items() for kind in kinds)


def test_the_limit_of_the_whole_cluster_counts_too(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("max_workers: 2\navailable_node_types: {gpu: {max_workers: 9, resources: {GPU: 8}}, head: {resources: {CPU: 4}}}\n")
    assert cluster.startable(file) == (Machine("gpu", {"GPU": 8}, 2),)
    assert cluster.startable(None) == ()


@pytest.mark.parametrize(("given", "wanted"), [("", "local"), ("auto", "auto"), ("10.0.0.1:6379", "10.0.0.1:6379")])
def test_without_an_address_ray_is_of_its_own_whatever_runs_on_this_machine(
    given: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray joins what somebody has started here unless it is told "local"."""
    asked: dict[str, object] = {}

    def init(**options: object) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(dashboard_url="")

    monkeypatch.delenv(cluster.ADDRESS, raising=False)
    # `attach` sets what Ray reads as it starts: taken back after the test.
    for name in ("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "RAY_AIR_NEW_OUTPUT", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(ray, "init", init)
    cluster.attach(cluster.Cluster(given))
    assert asked["address"] == wanted


def test_nothing_that_is_dead_is_found_while_ray_shuts_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that another thread finds dead in there ends the process with code 1."""

    class Reference:
        """Refers to itself, so that only a search finds it dead."""

        def __init__(self) -> None:
            self.own = self

    def shutdown() -> None:
        assert dead() is None
        assert not gc.isenabled()
        done.append(True)

    done: list[bool] = []
    dead = weakref.ref(Reference())
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "shutdown", shutdown)
    cluster.leave()
    assert done
    assert gc.isenabled()


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("study: demo\n")
    with pytest.raises(ValueError, match=r"study\.yaml has no available_node_types .* give the file that `ray up` leaves"):
        cluster.startable(file)
