"""What a trained model's features hold together, as Figures 1 and 3 show it: K-means maps of some videos (metrics.md, part C)."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from vdit.config.trial import Trial
from vdit.metrics import clusters
from vdit.model.collate import collate, to
from vdit.model.precision import autocast
from vdit.model.vdit import VDIT
from vdit.record import maps, scores
from vdit.train.predict import clips
from vdit.video import Sample, Split, Video

log = logging.getLogger(__name__)

VIDEOS = 2  # the first of the split
FRAMES = 4  # that are kept of each, from its first window's first to its last; clusters are of all frames in that window


@torch.inference_mode()
def rows(model: VDIT, split: Split, video: Video, trial: Trial, strides: tuple[int, ...]) -> pd.DataFrame:
    """Rows of clusters.parquet for the video's first expression. A level that cannot be clustered has none, and the log says why."""
    model.eval()
    sample, device = clips(split, video, trial)[0], model.frozen.device
    with autocast(device, trial.evaluate.autocast):
        levels = model.levels(replace(to(collate([sample], trial.evaluate.pad), device), targets=None))
    kept = sorted({round(place) for place in np.linspace(0, len(sample.frames) - 1, FRAMES)})
    shown = replace(sample, frames=sample.frames[kept])
    names = [video.frames[index] for index in kept]
    mapped = labelled(sample, dict(zip(strides, levels.maps_BTCHW[1:], strict=True)))
    tables = [maps.rows(shown, names, stride, labels_Thw[kept]) for stride, labels_Thw in mapped]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=scores.SCHEMAS["clusters"].names)


def labelled(sample: Sample, levels: dict[int, torch.Tensor]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Clusters [T, h, w] by stride, of the cells that are no padding."""
    height, width = sample.frames.shape[1:3]
    for stride, level in levels.items():
        map_TChw = level[:, :, : -(-height // stride), : -(-width // stride)].float().cpu().numpy()
        try:
            yield stride, clusters.measure(map_TChw)
        except ValueError as error:
            # A picture less, not a trained trial lost.
            log.warning("%s, stride %d: no map of clusters: %s", sample.video, stride, error)
