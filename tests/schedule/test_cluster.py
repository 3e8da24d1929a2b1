"""What a cluster must have for a trial; the cluster is made up, the autoscaler's file is the one Ray's launcher makes of cluster.yaml."""

import json
from pathlib import Path

import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config

from vdit.config.trial import Launch
from vdit.schedule import cluster

ROOT = Path(__file__).resolve().parents[2]


def has(monkeypatch: pytest.MonkeyPatch, **have: float) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: have)


def test_a_trial_may_wait_for_machines_that_the_autoscaler_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, memory=1)
    cluster.check(Launch(workers=8, threads=4, gpus=1), {"CPU": 96, "GPU": 8})


def test_a_trial_that_no_machine_will_ever_hold_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, CPU=8)
    with pytest.raises(
        ValueError, match=r"16 workers needs 16 GPU, the cluster has 0 and may start machines with 8; lower launch\.workers"
    ):
        cluster.check(Launch(workers=16, threads=4, gpus=1), {"CPU": 96, "GPU": 8})


def test_a_cluster_that_does_not_grow_counts_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, CPU=2)
    cluster.check(Launch(workers=2), cluster.limits(None))
    with pytest.raises(ValueError, match="needs 3 CPU, the cluster has 2; lower"):
        cluster.check(Launch(workers=3), cluster.limits(None))


@pytest.mark.parametrize(("name", "expected"), [("cluster.yaml", {"CPU": 768, "GPU": 64}), ("onprem.yaml", {})])
def test_the_limits_are_those_of_the_file_that_ray_up_leaves_on_the_head(name: str, expected: dict[str, float], tmp_path: Path) -> None:
    """Eight machines of 96 cores and 8 GPUs; machines of one's own are all there from the start, with what Ray finds in them."""
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(json.dumps(prepare_config(yaml.safe_load((ROOT / "cluster" / name).read_text()))))
    assert cluster.limits(file) == expected


def test_the_limit_of_the_whole_cluster_counts_too(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("max_workers: 2\navailable_node_types: {gpu: {max_workers: 9, resources: {GPU: 8}}, head: {resources: {CPU: 4}}}\n")
    assert cluster.limits(file) == {"GPU": 16}


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("study: demo\n")
    with pytest.raises(ValueError, match=r"study\.yaml has no available_node_types .* give the file that `ray up` leaves"):
        cluster.limits(file)
