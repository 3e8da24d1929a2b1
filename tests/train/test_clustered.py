"""Maps of a trial's features. Oracle: the clusters of a map without its padding, which metrics/clusters.py is tested for."""

import logging

import numpy as np
import pytest
import torch

from vdit.metrics import clusters
from vdit.train.clustered import labelled
from vdit.video import Sample


def sample(height: int, width: int) -> Sample:
    frames = np.zeros((3, height, width, 3), np.uint8)
    return Sample("v", "0", "", frames, np.zeros((3, height, width), bool), np.zeros((3, 4), np.float32), np.zeros(3, bool), 0)


def test_padding_is_not_clustered() -> None:
    level = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 16, 8, 12)).astype(np.float32))
    level[:, :, 5:], level[:, :, :, 9:] = 1e6, -1e6
    ((stride, found),) = labelled(sample(40, 70), {8: level})
    assert stride == 8 and np.array_equal(found, clusters.measure(level.numpy()[:, :, :5, :9]))


def test_a_level_that_cannot_be_clustered_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    good = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 16, 4, 4)).astype(np.float32))
    with caplog.at_level(logging.WARNING):
        found = dict(labelled(sample(32, 32), {8: good, 16: torch.ones(3, 16, 2, 2), 32: torch.full((3, 16, 1, 1), torch.nan)}))
    assert list(found) == [8]
    assert "stride 16: no map of clusters: 1 different features" in caplog.text and "stride 32" in caplog.text
