"""Detections of an image (Table 2 and 4; spec section 6): the masks of all queries in the annotated frame of a clip, each with its score.

T frames, Q queries, H W pixels of the frame as it is on disk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from vdit.clips import caption
from vdit.config.trial import Trial
from vdit.metrics import average_precision, mean_iou, overall_iou, precision
from vdit.model.collate import collate, to
from vdit.model.head import visibility
from vdit.model.precision import autocast
from vdit.model.vdit import VDIT
from vdit.train.predict import Inference, clips, masks, probabilities
from vdit.video import Expression, Masks, Sample, Split, Video


@dataclass(frozen=True, slots=True)
class Detections:
    """The queries in the model's own order, which decides between equal scores; a score is the mean visibility over the frames kept."""

    scores_Q: NDArray[np.float64]
    masks_QHW: Masks


def of_video(model: VDIT, split: Split, video: Video, trial: Trial) -> Iterator[tuple[str, Detections, Masks]]:
    """The image of each expression, its detections and its truth [H, W], in a video of a split that is scored by detections."""
    (sample,) = clips(split, video, trial)
    # A photograph is its own only frame.
    frame = (0 if video.annotated is None else video.annotated,)
    truth = {expression.id: split.masks(video, frame, expression.object)[0] for expression in video.expressions}
    height, width = next(iter(truth.values())).shape
    found = detect(model, sample, video.expressions, Inference(height, width, trial.evaluate, trial.data.captions))
    for name, its in found.items():
        yield name, its, truth[name]


@torch.inference_mode()
def detect(model: VDIT, sample: Sample, expressions: Sequence[Expression], how: Inference) -> dict[str, Detections]:
    """Detections by expression id. What does not depend on the expression is computed once."""
    model.eval()
    batch = replace(to(collate([sample], how.evaluate.pad), model.frozen.device), targets=None)
    found = {}
    with autocast(model.frozen.device, how.evaluate.autocast):
        seen = model.see(batch)
        for expression in expressions:
            worded = replace(batch, captions=(caption.at_test(expression.text, how.captions),))
            prediction = model.predict(worded, how.evaluate.queries, seen)
            scores_Q = visibility(prediction.logits_BTQ)[0]
            # The queries of its one frame.
            drawn = masks(probabilities(prediction.masks_BTQHW[0], sample.frames.shape[1:3], how)[0], how)
            found[expression.id] = Detections(scores_Q.double().cpu().numpy(), drawn)
    return found


def measure(instances: pd.DataFrame) -> dict[str, float]:
    """The numbers of a trial's result, from 0 to 1, under the names that `vdit score` gives them; from the rows of instances.parquet."""
    return {
        "mAP 0.5:0.95": average_precision.measure(instances),
        **{f"P@{threshold}": share for threshold, share in precision.measure(instances).items()},
        "overall_iou": overall_iou.measure(instances),
        "mean_iou": mean_iou.measure(instances),
    }
