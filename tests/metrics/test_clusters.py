"""K-means maps. Oracles: planted clusters, every partition of a few points, invariances."""

from itertools import product

import numpy as np
import pytest

from vdit.metrics.clusters import PALETTE, Recipe, by_size, colours, directions, enlarge, kmeans, measure, seeds, unit

SIZES = (40, 30, 20, 14, 10, 6)  # cells of each planted cluster: 120 in all


def planted(rng: np.random.Generator, channels: int = 48, spread: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """A map [5, C, 4, 6] of six directions with little noise, and which cell has which."""
    labels = rng.permutation(np.repeat(np.arange(6), SIZES))
    centres = np.linalg.qr(rng.normal(size=(channels, 6)))[0].T
    cells = centres[labels] + spread * rng.normal(size=(120, channels))
    return np.moveaxis(cells.reshape(5, 4, 6, channels), -1, 1).astype(np.float32), labels.reshape(5, 4, 6)


@pytest.mark.parametrize("seed", range(3))
def test_planted_clusters_are_found_largest_first(seed: int) -> None:
    map_TChw, labels = planted(np.random.default_rng(seed))
    assert np.array_equal(measure(map_TChw), labels)


def test_clusters_do_not_depend_on_the_length_of_features() -> None:
    rng = np.random.default_rng(0)
    map_TChw, labels = planted(rng)
    lengths = rng.uniform(0.1, 30, size=(5, 1, 4, 6)).astype(np.float32)
    assert np.array_equal(measure(map_TChw * lengths), labels)


def test_clusters_do_not_depend_on_the_order_of_frames() -> None:
    map_TChw, _ = planted(np.random.default_rng(1))
    order = [3, 0, 4, 2, 1]
    assert np.array_equal(measure(map_TChw[order]), measure(map_TChw)[order])


def test_the_same_seed_gives_the_same_clusters() -> None:
    map_TChw = np.random.default_rng(2).normal(size=(3, 16, 8, 8)).astype(np.float32)
    first = measure(map_TChw, Recipe(starts=1, seed=5))
    assert np.array_equal(first, measure(map_TChw, Recipe(starts=1, seed=5)))
    assert not np.array_equal(first, measure(map_TChw, Recipe(starts=1, seed=6))), "shapeless features have many ways to fall"


@pytest.mark.parametrize("seed", range(4))
def test_the_best_start_is_the_best_partition(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(9, 2))
    best = min(cost(points, np.array(labels)) for labels in product(range(3), repeat=9))
    rng = np.random.default_rng(0)
    tries = [kmeans(points, seeds(points, 3, rng), 100) for _ in range(30)]
    labels, found = min(tries, key=lambda tried: tried[1])
    assert found == pytest.approx(best) and found == pytest.approx(cost(points, labels))
    assert all(tried[1] >= best - 1e-12 for tried in tries)


def test_a_start_never_takes_a_point_twice() -> None:
    points = np.array([[0.0]] * 30 + [[1.0], [5.0]])
    for seed in range(20):
        assert sorted(seeds(points, 3, np.random.default_rng(seed)).ravel().tolist()) == [0, 1, 5]


def cost(points: np.ndarray, labels: np.ndarray) -> float:
    parts = [points[labels == label] for label in set(labels.tolist())]
    return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts))


def test_a_cluster_that_loses_its_points_takes_the_farthest() -> None:
    points = np.array([[100.0], [101.0], [110.0], [111.0]])
    labels, found = kmeans(points, np.array([[100.5], [300.0], [400.0]]), 100)
    assert len(set(labels.tolist())) == 3 and found == pytest.approx(0.5)


def test_directions_keep_distances_where_all_are_kept_and_most_where_few_are() -> None:
    cells = np.random.default_rng(0).normal(size=(50, 6)) * [9, 5, 1e-3, 1e-3, 1e-3, 1e-3]
    spread = ((cells[:, None] - cells[None]) ** 2).sum(-1)
    for count, tolerance in ((6, 1e-9), (2, 1e-3)):
        points = directions(cells, count)
        assert points.shape == (50, count)
        assert np.abs(((points[:, None] - points[None]) ** 2).sum(-1) - spread).max() < tolerance


def test_half_precision_is_counted_in_single() -> None:
    map_TChw, labels = planted(np.random.default_rng(3), spread=0.01)
    assert np.array_equal(measure(map_TChw.astype(np.float16)), labels)


def test_a_feature_without_length_stays() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]


def test_numbers_go_by_size() -> None:
    assert by_size(np.array([2, 0, 2, 2, 1, 1])).tolist() == [0, 2, 0, 0, 1, 1]


def test_each_pixel_has_the_cluster_of_its_cell() -> None:
    labels = np.arange(6).reshape(1, 2, 3)
    assert enlarge(labels, 3, 5, 2)[0].tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]
    assert enlarge(labels, 2, 2, 2).shape == (1, 2, 2), "cells beyond the frame are padding"
    with pytest.raises(ValueError, match="do not cover 5x5 pixels"):
        enlarge(labels, 5, 5, 2)


def test_one_cluster_has_one_colour() -> None:
    labels = np.array([[0, 5], [5, 1]])
    painted = colours(labels)
    assert painted.shape == (2, 2, 3) and (painted[0, 1] == painted[1, 0]).all() and (painted[0, 0] == PALETTE[0]).all()
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == len(PALETTE) >= Recipe().clusters
    with pytest.raises(ValueError, match="9 clusters have 8 colours"):
        colours(np.array([8]))


def test_what_cannot_be_clustered_is_refused() -> None:
    with pytest.raises(ValueError, match="1 different features cannot make 6 clusters"):
        measure(np.ones((2, 3, 4, 4), np.float32))
    broken = np.ones((1, 3, 4, 4), np.float32)
    broken[0, 1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="1 features are not finite"):
        measure(broken)
