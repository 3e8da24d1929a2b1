"""When a round of trials ends because the cluster has changed; the cluster is made up and the clock is turned by hand."""

from collections.abc import Sequence

import pytest

from vdit.config.train import Train
from vdit.config.trial import Launch, Trial
from vdit.schedule.placement import ImpossibleError, Machine, fit
from vdit.schedule.watch import PATIENCE_SECONDS, Watch, wait


class Cluster:
    """Nodes by their cores."""

    def __init__(self, *cores: int) -> None:
        self.cores = cores

    def __call__(self) -> Sequence[Machine]:
        return [Machine(f"n{index}", {"CPU": count}) for index, count in enumerate(self.cores)]


def watch(cluster: Cluster, *startable: Machine, workers: int = 4, elastic: bool = False) -> Watch:
    trials = [Trial(arm="a", train=Train(batch=workers), launch=Launch(workers=workers, elastic=elastic))]
    return Watch(trials, fit(trials, cluster(), startable), cluster, startable)


def after(found: Watch, seconds: float) -> str:
    """What it says when the cluster has been as it is for so long."""
    found.look(0.0)
    found.look(seconds)
    return found.ended


@pytest.mark.parametrize("elastic", [False, True])
def test_a_round_goes_on_while_its_trials_have_a_place(elastic: bool) -> None:
    cluster = Cluster(2, 2, 2)
    found = watch(cluster, elastic=elastic)
    cluster.cores = (2, 2)
    assert after(found, 1e6) == ""
    assert not found("a trial", {"done": True})
    assert found.ended == ""


def test_a_rigid_round_ends_when_what_is_left_is_too_small_but_not_at_once() -> None:
    cluster = Cluster(2, 2)
    found = watch(cluster)
    cluster.cores = (2,)
    assert after(found, PATIENCE_SECONDS - 1) == ""
    cluster.cores = (2, 2)
    assert after(found, 1e6) == "", "the node came back"
    cluster.cores = (2,)
    assert "a trial needs 4 workers of 1 CPU each; the cluster has n0: 2 CPU" in after(found, PATIENCE_SECONDS + 1)


def test_trials_placed_within_a_node_are_placed_anew_when_no_node_holds_them_any_more() -> None:
    cluster = Cluster(4, 2, 2)
    found = watch(cluster)
    assert found.placement.strategy == "STRICT_PACK"
    cluster.cores = (2, 2)
    assert after(found, 1e6) == "no node holds 4 workers of 1 CPU each any more"


def test_an_elastic_round_ends_when_the_cluster_shrinks_and_at_a_trials_end_when_it_has_grown() -> None:
    cluster = Cluster(2, 2)
    found = watch(cluster, elastic=True)
    cluster.cores = (3,)
    assert "the cluster has shrunk" in after(found, 1e6)
    small = watch(cluster, elastic=True)
    assert small.placement.shape.workers == 2
    cluster.cores = (3, 2)
    assert after(small, 1e6) == "", "what runs goes on"
    small("a trial", {"done": False})
    assert small.ended == ""
    small("a trial", {"done": True})
    assert "grown" in small.ended


def test_machines_that_come_one_by_one_are_not_a_shrunk_cluster() -> None:
    cluster, kind = Cluster(), Machine("kind", {"CPU": 2}, 2)
    found = watch(cluster, kind, elastic=True)
    assert found.placement.shape.workers == 4
    cluster.cores = (2,)
    assert after(found, 1e6) == ""
    cluster.cores = (2, 2)
    assert after(found, 1e6) == ""
    cluster.cores = (2,)
    assert "shrunk" in after(found, 1e6)


def test_a_wait_is_said_once_and_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdit.schedule.watch.LOOK_SECONDS", 0.01)
    trials = [Trial(arm="a", train=Train(batch=2), launch=Launch(workers=2))]
    said: list[str] = []
    with pytest.raises(ImpossibleError, match="2 workers"):
        wait(lambda nodes: fit(trials, nodes), Cluster(1), said.append, 0.05)
    assert len(said) == 1
    assert said[0].startswith("waiting, ")
