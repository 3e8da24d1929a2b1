"""Where gangs can stand; the oracle of feasibility is every way of dealing workers out to nodes."""

import itertools
from collections.abc import Sequence

import pytest

from vdit.config.train import Train
from vdit.config.trial import Launch, Trial
from vdit.schedule.placement import ImpossibleError, Machine, Shape, fit, listing, place

SIZES = [{"CPU": 1.0}, {"CPU": 3.0}, {"CPU": 4.0, "GPU": 1.0}, {"CPU": 2.0, "GPU": 2.0}]


def trial(workers: int, batch: int, **launch: object) -> Trial:
    return Trial(arm="a", train=Train(batch=batch), launch=Launch(workers=workers, **launch))


def holds(node: dict[str, float], workers: int, shape: Shape) -> bool:
    return all(node.get(name, 0) >= workers * amount for name, amount in shape.worker().items())


def dealt(shape: Shape, nodes: Sequence[dict[str, float]]) -> bool:
    """Whether some way of dealing the workers out to the nodes overloads none."""
    return any(
        all(holds(node, way.count(index), shape) for index, node in enumerate(nodes))
        for way in itertools.product(range(len(nodes)), repeat=shape.workers)
    )


@pytest.mark.parametrize("shape", [Shape(workers, threads, gpu) for workers in (1, 2, 3, 4) for threads in (1, 2) for gpu in (False, True)])
def test_a_gang_is_placed_within_a_node_across_nodes_or_nowhere(shape: Shape) -> None:
    for count in (1, 2, 3):
        for nodes in itertools.combinations_with_replacement(SIZES, count):
            machines = [Machine(f"n{index}", node) for index, node in enumerate(nodes)]
            if any(holds(node, shape.workers, shape) for node in nodes):
                assert place(shape, machines).strategy == "STRICT_PACK"
            elif dealt(shape, nodes):
                assert place(shape, machines).strategy == "PACK"
            else:
                with pytest.raises(ImpossibleError):
                    place(shape, machines)


def test_what_can_never_be_placed_is_refused_with_what_was_asked_and_what_each_node_has() -> None:
    """Nine cores in all, and yet no place for the fourth worker."""
    nodes = [Machine("10.0.0.1", {"CPU": 3}), Machine("10.0.0.2", {"CPU": 3}), Machine("10.0.0.3", {"CPU": 3, "GPU": 1})]
    with pytest.raises(ImpossibleError) as refused:
        place(Shape(4, 2, False), nodes)
    assert str(refused.value).startswith(
        "a trial needs 4 workers of 2 CPU each; the cluster has 10.0.0.1 and 2 like it: 3 CPU (room for 1); lower launch.workers"
    )
    with pytest.raises(ImpossibleError, match=r"2 workers of 2 CPU, 1 GPU each.*10\.0\.0\.3: 3 CPU, 1 GPU \(room for 1\)"):
        place(Shape(2, 2, True), nodes)
    assert listing([], Shape(1, 1, False)) == "no nodes"


def test_machines_that_an_autoscaler_may_start_count_too() -> None:
    p4d = Machine("gpu-worker", {"CPU": 96, "GPU": 8}, 2)
    assert place(Shape(8, 4, True), [], [p4d]).strategy == "STRICT_PACK"
    assert place(Shape(16, 4, True), [], [p4d]).strategy == "PACK"
    # The one that runs is among the two.
    with pytest.raises(ImpossibleError, match="and may start gpu-worker and 1 like it: 96 CPU, 8 GPU"):
        place(Shape(17, 4, True), [Machine("10.0.0.1", {"CPU": 96, "GPU": 8})], [p4d])


@pytest.mark.parametrize(("cores", "workers"), [(8, 8), (7, 4), (3, 2), (1, 1)])
def test_an_elastic_trial_takes_as_many_workers_as_divide_its_batch_and_have_a_place(cores: int, workers: int) -> None:
    found = fit([trial(8, 8, elastic=True)], [Machine("n", {"CPU": cores})])
    assert found.shape.workers == workers


def test_a_rigid_trial_waits_and_an_elastic_one_that_nothing_holds_does_too() -> None:
    with pytest.raises(ImpossibleError, match="8 workers"):
        fit([trial(8, 8)], [Machine("n", {"CPU": 7})])
    with pytest.raises(ImpossibleError, match="8 workers"):
        fit([trial(8, 8, elastic=True)], [])
    assert fit([trial(8, 8, elastic=True)], [], [Machine("kind", {"CPU": 8})]).shape.workers == 8


def test_trials_of_one_launch_shrink_to_what_divides_the_batch_of_each() -> None:
    """Of six and four cores' worth of batches only halves are common."""
    trials = [trial(12, 12, elastic=True), trial(12, 24, elastic=True), trial(12, 60, elastic=True)]
    assert fit(trials, [Machine("n", {"CPU": 11})]).shape.workers == 6


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_the_global_batch_stays_and_a_worker_takes_no_more_clips_at_once(workers: int) -> None:
    shrunk = trial(8, 16, elastic=True)
    assert shrunk.micro_batch(workers) == 2
    assert 16 % (workers * shrunk.micro_batch(workers)) == 0
    assert trial(8, 16).micro_batch(workers) == 16 // workers
