"""What a cluster must have for a trial; the cluster is made up."""

import pytest
import ray

from vdit.config.trial import Launch
from vdit.schedule import cluster


def given(monkeypatch: pytest.MonkeyPatch, have: dict[str, float], limit: dict[str, float]) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: have)
    monkeypatch.setattr(cluster, "limits", lambda: limit)


def test_a_trial_may_wait_for_nodes_that_the_autoscaler_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"memory": 1.0}, {"CPU": 96, "GPU": 8})
    cluster.check(Launch(workers=8, threads=4, gpus=1))


def test_a_trial_that_no_node_will_ever_hold_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"CPU": 8}, {"CPU": 96, "GPU": 8})
    with pytest.raises(ValueError, match=r"16 workers needs 16 GPU, the cluster has 0 and may grow to 8; lower launch\.workers"):
        cluster.check(Launch(workers=16, threads=4, gpus=1))


def test_a_cluster_that_does_not_grow_counts_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"CPU": 2}, {})
    cluster.check(Launch(workers=2))
    with pytest.raises(ValueError, match="needs 3 CPU, the cluster has 2; lower"):
        cluster.check(Launch(workers=3))
