"""mAP on videos drawn anew. Oracle: metrics/average_precision.py on tables in which drawn videos are copied out."""

import numpy as np
import pandas as pd
import pytest

from vdit.metrics import average_precision
from vdit_analysis import stats
from vdit_analysis.ranking import ranking


def instances(rng: np.random.Generator, images: int = 30, queries: int = 4, videos: int = 8) -> pd.DataFrame:
    """Scores of one decimal, so that many images have equal ones; those of an image differ."""
    rows = images * queries
    union = rng.integers(10, 200, rows)
    return pd.DataFrame(
        {
            "image": np.repeat([f"i{image:03d}" for image in range(images)], queries),
            "query": np.tile(np.arange(queries), images),
            "score": np.concatenate([rng.permutation(10)[:queries] / 10 for _ in range(images)]),
            "intersection": (union * rng.beta(3, 1.5, rows)).astype(int),
            "union": union,
            "video": np.repeat([f"v{image % videos}" for image in range(images)], queries),
        }
    )


def copied(table: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    videos = sorted(set(table["video"]))
    copies = [
        table[table["video"] == video].assign(image=lambda rows, copy=copy: rows["image"] + f"-{copy}")
        for video, times in zip(videos, weights, strict=True)
        for copy in range(int(times))
    ]
    return pd.concat(copies, ignore_index=True)


def test_with_all_weights_one_it_is_the_metric() -> None:
    table = instances(np.random.default_rng(0))
    assert ranking({0: table}).at(np.ones((1, 8)))[0, 0] == pytest.approx(100 * average_precision.measure(table), abs=1e-9)


def test_a_weight_is_a_number_of_copies() -> None:
    rng = np.random.default_rng(1)
    table = instances(rng)
    weights = rng.multinomial(7, np.full(8, 1 / 8), size=25).astype(float)
    expected = [100 * average_precision.measure(copied(table, row)) for row in weights]
    np.testing.assert_allclose(ranking({0: table}).at(weights)[:, 0], expected, atol=1e-9)


def test_joined_arms_exchange_their_videos() -> None:
    rng = np.random.default_rng(2)
    # No image of one arm ties with one of the other: ties are in the order of names.
    ours, theirs = instances(rng), instances(rng).assign(score=lambda rows: rows["score"] + 0.05)
    kept = rng.integers(0, 2, 8)
    mixed = pd.concat([copied(ours, kept), copied(theirs, 1 - kept)])
    both = ranking({0: ours}).joined(ranking({0: theirs}))
    found = both.at(np.concatenate([kept, 1 - kept])[None].astype(float))
    assert found[0, 0] == pytest.approx(100 * average_precision.measure(mixed), abs=1e-9)


def test_an_interval_encloses_the_estimate_and_equal_arms_do_not_differ() -> None:
    found = ranking({seed: instances(np.random.default_rng(3)) for seed in (0, 1)})
    interval = stats.mean(found, np.random.default_rng(0), 200)
    assert interval.low < interval.estimate < interval.high and (interval.videos, interval.seeds) == (8, 2)
    assert stats.difference(found, found, np.random.default_rng(0), 200).high == 0
    assert stats.sign_flip(found, found, np.random.default_rng(0), 300) == 1


def test_seeds_of_other_images_are_refused() -> None:
    table = instances(np.random.default_rng(4))
    with pytest.raises(ValueError, match="seed 1 has other images than seed 0"):
        ranking({0: table, 1: table[table["image"] != "i003"]})
