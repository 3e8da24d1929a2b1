"""What a level of features holds together: K-means over all frames of a video (Figure 1, Figure 3).

The paper shows the maps without a recipe; this one is metrics.md's, part C: each cell's features at unit length, their 32 main directions,
K = 6, the best of 10 starts by k-means++. Frames are clustered jointly, so that a cluster has one colour throughout the video.

T frames, h w size of a feature level, N = T x h x w cells, C channels, D main directions, K clusters, H W pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNIT = "cluster of a cell, 0 the largest"

# The strides that the figures call low and high level.
LOW, HIGH = (8,), (16, 32)
# One colour a cluster, the largest first; blue-grey for what is most often the background.
PALETTE = np.array(
    [(68, 84, 106), (237, 125, 49), (112, 173, 71), (255, 192, 0), (91, 155, 213), (165, 80, 160), (192, 57, 57), (72, 201, 176)], np.uint8
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`seed` draws the starts: the same features give the same clusters."""

    clusters: int = 6
    directions: int = 32
    starts: int = 10
    seed: int = 0
    most_rounds: int = 300  # of moving centres; nearly always a few dozen are enough


def measure(map_TChw: NDArray[np.floating], recipe: Recipe = Recipe()) -> NDArray[np.int64]:
    """Clusters [T, h, w] of one level's cells; the number of a cluster says how many are larger.

    Cells that are padding are to be cut off before. Raises ValueError for features that are not finite, and for fewer different ones than
    clusters.
    """
    frames, _, height, width = map_TChw.shape
    # Half precision would be too coarse for sums over all cells; more than single would double gigabytes.
    precision = np.promote_types(map_TChw.dtype, np.float32)
    cells_NC = np.moveaxis(map_TChw, 1, -1).reshape(frames * height * width, -1).astype(precision)
    if not np.isfinite(cells_NC).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(cells_NC))} features are not finite; look for where the model's output broke")
    points_ND = directions(unit(cells_NC), recipe.directions)
    rng = np.random.default_rng(recipe.seed)
    tries = [kmeans(points_ND, seeds(points_ND, recipe.clusters, rng), recipe.most_rounds) for _ in range(recipe.starts)]
    labels_N = min(tries, key=lambda found: found[1])[0]
    return by_size(labels_N).reshape(frames, height, width)


def unit(cells_NC: NDArray[np.floating]) -> NDArray[np.floating]:
    """At unit length; a cell of zero length has no direction and stays."""
    lengths_N1 = np.linalg.norm(cells_NC, axis=1, keepdims=True)
    return np.asarray(np.divide(cells_NC, lengths_N1, out=np.zeros_like(cells_NC), where=lengths_N1 > 0))


def directions(cells_NC: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """The cells along the `count` directions in which they differ most (PCA), or along all where there are fewer."""
    centred_NC = cells_NC - cells_NC.mean(axis=0, dtype=np.float64).astype(cells_NC.dtype)
    _, axes_CC = np.linalg.eigh(centred_NC.T @ centred_NC)
    return np.asarray(centred_NC @ axes_CC[:, ::-1][:, :count], np.float64)


def seeds(points_ND: NDArray[np.float64], clusters: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Centres [K, D] by k-means++: each next one is a point, drawn by its squared distance from those before.

    Raises ValueError where there are fewer different points than clusters.
    """
    centres = [points_ND[rng.integers(len(points_ND))]]
    nearest_N = np.full(len(points_ND), np.inf)
    for _ in range(clusters - 1):
        nearest_N = np.minimum(nearest_N, ((points_ND - centres[-1]) ** 2).sum(axis=1))
        if not nearest_N.any():
            raise ValueError(f"{len(centres)} different features cannot make {clusters} clusters; ask for fewer")
        centres.append(points_ND[rng.choice(len(points_ND), p=nearest_N / nearest_N.sum())])
    return np.stack(centres)


def kmeans(points_ND: NDArray[np.float64], centres_KD: NDArray[np.float64], most_rounds: int) -> tuple[NDArray[np.int64], float]:
    """Labels [N] and the sum of squared distances to the centres, from where moving the centres changes nothing."""
    labels_N = np.full(len(points_ND), -1)
    for _ in range(most_rounds):
        found_N = nearest(points_ND, centres_KD)
        if np.array_equal(found_N, labels_N):
            break
        labels_N = found_N
        centres_KD = means(points_ND, labels_N, centres_KD)
    return labels_N, float(((points_ND - centres_KD[labels_N]) ** 2).sum())


def nearest(points_ND: NDArray[np.float64], centres_KD: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest centre of each point; a point's own length, the same for all centres, is left out of the squared distance."""
    shares_KN = (centres_KD**2).sum(axis=1)[:, None] - 2 * (centres_KD @ points_ND.T)
    return np.asarray(shares_KN.argmin(axis=0))


def means(points_ND: NDArray[np.float64], labels_N: NDArray[np.int64], centres_KD: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres of the clusters; one that lost all its points starts again at the point farthest from its own centre."""
    clusters = len(centres_KD)
    counts_K = np.bincount(labels_N, minlength=clusters)
    members_KN = (labels_N == np.arange(clusters)[:, None]).astype(np.float64)
    moved_KD: NDArray[np.float64] = (members_KN @ points_ND) / np.maximum(counts_K, 1)[:, None]
    empty = np.flatnonzero(counts_K == 0)
    if len(empty):
        farthest = np.argsort(-((points_ND - centres_KD[labels_N]) ** 2).sum(axis=1), kind="stable")
        moved_KD[empty] = points_ND[farthest[: len(empty)]]
    return moved_KD


def by_size(labels_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same clusters, numbered from the largest on: the number does not depend on which start was the best."""
    order = np.argsort(-np.bincount(labels_N), kind="stable")
    number_K = np.empty_like(order)
    number_K[order] = np.arange(len(order))
    return np.asarray(number_K[labels_N])


def enlarge(labels_Thw: NDArray[np.int64], height: int, width: int, stride: int) -> NDArray[np.int64]:
    """[T, H, W]: each pixel has the cluster of the cell it lies in. Raises ValueError where the cells do not cover the frame."""
    if -(-height // stride) > labels_Thw.shape[1] or -(-width // stride) > labels_Thw.shape[2]:
        raise ValueError(
            f"{labels_Thw.shape[1:]} cells of stride {stride} do not cover {height}x{width} pixels; give the frame's size in the model"
        )
    rows, columns = np.arange(height) // stride, np.arange(width) // stride
    return labels_Thw[:, rows[:, None], columns]


def colours(labels: NDArray[np.int64], palette: NDArray[np.uint8] = PALETTE) -> NDArray[np.uint8]:
    """[..., 3] RGB, one colour a cluster. Raises ValueError where there are more clusters than colours."""
    if labels.size and labels.max() >= len(palette):
        raise ValueError(f"{labels.max() + 1} clusters have {len(palette)} colours; pass a longer palette")
    return palette[labels]
