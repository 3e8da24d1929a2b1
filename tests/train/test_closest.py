"""The query that comes closest to the truth, beside the surest. Oracle: a head whose queries are known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from vdit.config.evaluate import Evaluate
from vdit.model.batch import Batch
from vdit.train import closest
from vdit.train.predict import Inference
from vdit.video import Expression, Masks, Sample

# By query: the columns that it covers of 32, and how sure it is in a window's first and second frame.
COVERED = (slice(0, 32), slice(0, 16), slice(16, 32))
SURE = ((0.0, 0.0), (3.0, -9.0), (1.0, 1.0))
HOW = Inference(32, 32, Evaluate(), "lower")


class Queries:
    """Three of them, whatever is asked."""

    frozen = SimpleNamespace(device=torch.device("cpu"))

    def eval(self) -> None:
        pass

    def see(self, batch: Batch) -> None:
        pass

    def predict(self, batch: Batch, keep: str, seen: None) -> SimpleNamespace:
        assert keep == "all"
        masks = torch.full((1, batch.length, 3, 32, 32), -9.0)
        for query, columns in enumerate(COVERED):
            masks[:, :, query, :, columns] = 9.0
        return SimpleNamespace(masks_BTQHW=masks, logits_BTQ=torch.tensor(SURE).T[None, : batch.length])


def sample(frames: int) -> Sample:
    pixels, masks = np.zeros((frames, 32, 32, 3), np.uint8), np.ones((frames, 32, 32), bool)
    return Sample("v", "0", "unused", pixels, masks, np.zeros((frames, 4), np.float32), np.ones(frames, bool), 0)


def covering(*columns: slice) -> Masks:
    """A frame for each."""
    found = np.zeros((len(columns), 32, 32), bool)
    for frame, its in enumerate(columns):
        found[frame, :, its] = True
    return found


def test_each_window_has_its_surest_query_and_its_closest() -> None:
    said = (Expression("0", "a", 1), Expression("1", "b", 2))
    truth = {"0": covering(slice(0, 12), slice(0, 16), slice(20, 32)), "1": covering(slice(0, 32), slice(0, 30), slice(0, 20))}
    model: Any = Queries()
    surest, near = closest.of_video(model, [sample(2), sample(1)], said, HOW, truth)
    # In two frames the third query is surest on average of probabilities, in one the second; by words they do not differ.
    for found in surest.values():
        assert (found == covering(COVERED[2], COVERED[2], COVERED[1])).all()
    # The mean of a window's frames decides: 12/16 and 1 for the second query.
    assert (near["0"] == covering(COVERED[1], COVERED[1], COVERED[2])).all()
    # 20/32 for the first of the queries, 16/20 for the second.
    assert (near["1"] == covering(COVERED[0], COVERED[0], COVERED[1])).all()


def test_of_equals_the_surer_one_is_taken() -> None:
    found = np.stack([covering(COVERED[1]), covering(COVERED[2])])
    assert (closest.nearest(found, covering(COVERED[0])) == found[0]).all()
