"""Gangs on a cluster of several nodes: they span nodes, outlive a node that goes, use one that comes. The toy's sums are the oracle."""

from collections.abc import Callable
from typing import Any

import pytest
from stage import Study, until
from toy import expected

pytestmark = pytest.mark.slow


def test_a_gang_spans_nodes_and_is_handed_on_from_trial_to_trial(cluster: Any, toys: Callable[..., Study]) -> None:
    """Two workers, three nodes of a core: the same two processes, on two nodes, run all trials."""
    for _ in range(3):
        cluster.add_node(num_cpus=1)
    study = toys(3, "workers: 2")
    study.start()
    study.finish()
    assert "no node holds them all, so trials span nodes (PACK); together these hold 3 workers" in study.out.getvalue()
    first, *others = [{(who["pid"], who["node"]) for who in study.who(seed)} for seed in range(3)]
    assert len({node for _, node in first}) == 2
    assert all(other == first for other in others)
    assert [study.total(seed) for seed in range(3)] == [expected(seed) for seed in range(3)]


def test_a_trial_whose_node_goes_is_run_elsewhere_and_nodes_that_come_are_used(cluster: Any, toys: Callable[..., Study]) -> None:
    nodes = {node.node_id: node for node in (cluster.add_node(num_cpus=1) for _ in range(3))}
    study = toys(2, "workers: 2")
    study.start()
    until(lambda: study.step(0) >= 3, "the first trial")
    before = {who["node"] for who in study.who(0)}
    cluster.remove_node(nodes[min(before)], allow_graceful=False)
    coming = {cluster.add_node(num_cpus=1).node_id for _ in range(2)}
    study.finish()
    after = {who["node"] for seed in (0, 1) for who in study.who(seed)}
    assert after & coming, "a node that came was not used"
    resumed = [who["step"] for who in study.who(0)]
    assert max(resumed) >= 3, "it went on from its checkpoint"
    assert [study.total(seed) for seed in (0, 1)] == [expected(0), expected(1)]


def test_an_elastic_trial_goes_on_with_fewer_workers_and_the_next_gets_them_back(cluster: Any, toys: Callable[..., Study]) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
    study = toys(2, "workers: 3, elastic: true")
    study.start()
    until(lambda: study.step(0) >= 3, "the first trial")
    cluster.remove_node(nodes[0], allow_graceful=False)
    until(lambda: any(who["world"] == 2 for who in study.who(0)), "a gang of two")
    cluster.add_node(num_cpus=1)
    study.finish()
    said = study.out.getvalue()
    assert "the cluster has shrunk, 3 workers of 1 CPU each have no place" in said
    assert "preempted" in said
    assert "the cluster has grown" in said
    assert {who["world"] for who in study.who(0)} == {3, 2}
    assert {who["world"] for who in study.who(1)} == {3}
    assert [study.total(seed) for seed in (0, 1)] == [expected(0), expected(1)]
