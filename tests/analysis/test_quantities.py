"""Statistics behind the intervals. Oracle: the metrics themselves, on all videos and on every single one."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from vdit.metrics import components, consistency, mean_iou, overall_iou, precision, quality
from vdit_analysis import quantities
from vdit_analysis.stats import Totals

VIDEOS = ("a", "b", "c", "d")


def scores(seed: int) -> pd.DataFrame:
    """Expressions of one to eight frames; some frames do not show the object."""
    rng = np.random.default_rng(seed)
    rows = [
        {"video": video, "expression": str(expression), "frame": f"{frame:05d}", "j": rng.beta(4, 1), "f": rng.random()}
        for place, video in enumerate(VIDEOS)
        for expression in range(1 + place % 3)
        for frame in range(2 + (3 * place + expression) % 7)
    ]
    return pd.DataFrame(rows).assign(present=lambda rows: rng.random(len(rows)) > 0.2)


OF_SCORES: list[tuple[Callable[[dict[int, pd.DataFrame]], Totals], Callable[[pd.DataFrame], float]]] = [
    (lambda rows: quantities.components(rows)["JF"], lambda rows: components.measure(rows).jf),
    (lambda rows: quantities.components(rows)["J"], lambda rows: components.measure(rows).j),
    (lambda rows: quantities.components(rows)["F"], lambda rows: components.measure(rows).f),
    (quantities.quality_ratio, quality.measure),
    (quantities.quality_per_expression, quality.per_expression),
    *(
        (
            lambda rows, interval=interval, kind=kind: quantities.change(rows, interval, kind),
            lambda rows, interval=interval, kind=kind: consistency.measure(rows, interval, kind),
        )
        for interval in (1, 5)
        for kind in ("mean", "pooled", "rms", "present")
    ),
]


@pytest.mark.parametrize(("statistic", "metric"), OF_SCORES)
def test_of_scores(statistic: Callable[..., Totals], metric: Callable[[pd.DataFrame], float]) -> None:
    tables = {seed: scores(seed) for seed in (0, 1)}
    found = statistic(tables)
    for seed, table in tables.items():
        assert found.at(np.ones((1, 4)))[0, seed] == pytest.approx(metric(table), abs=1e-9)
        alone = [metric(table[table["video"] == video]) for video in VIDEOS]
        np.testing.assert_allclose(found.at(np.eye(4))[:, seed], alone, atol=1e-9)


def test_of_instances() -> None:
    rng = np.random.default_rng(0)
    names = [f"v_clip_{number % 3}_f_{number}_i_{number % 2}" for number in range(9)]
    union = rng.integers(50, 90, 27)
    table = pd.DataFrame({"image": np.repeat(names, 3), "query": [0, 1, 2] * 9, "score": rng.integers(0, 4, 27) / 4, "union": union})
    table["intersection"] = (union * rng.random(27)).astype(int)
    found = quantities.detections({0: table})
    one = np.ones((1, 3))
    assert found["overall"].at(one)[0, 0] == pytest.approx(100 * overall_iou.measure(table), abs=1e-9)
    assert found["mean"].at(one)[0, 0] == pytest.approx(100 * mean_iou.measure(table), abs=1e-9)
    for threshold, share in precision.measure(table).items():
        assert found[f"P@{threshold}"].at(one)[0, 0] == pytest.approx(100 * share, abs=1e-9)


def test_frames_of_one_video_are_one_cluster_and_other_images_are_alone() -> None:
    images = ["v_a_f_1_f_20_i_3", "v_a_f_1_f_30", "refcoco-val-000001"]
    assert quantities.clustered(pd.DataFrame({"image": images}))["video"].tolist() == ["a_f_1", "a_f_1", "refcoco-val-000001"]
