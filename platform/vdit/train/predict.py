"""Masks of a whole video for all its expressions (spec section 6): windows, the best query, logits resized to the frame, a threshold.

T frames, Q queries, H W pixels of the frame as it is on disk.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from vdit.clips import caption
from vdit.clips.annotated import centred
from vdit.clips.evaluation import evaluation_sample
from vdit.config.data import Captions
from vdit.config.evaluate import Evaluate
from vdit.config.trial import Trial
from vdit.model.collate import collate, to
from vdit.model.head import Keep, visibility
from vdit.model.precision import autocast
from vdit.model.vdit import VDIT
from vdit.video import Expression, Masks, Sample, Split, Video


def windows(frames: int, window: int) -> list[tuple[int, ...]]:
    """Consecutive frame indices, `window` at a time; 0 takes the whole video at once."""
    size = window or frames
    return [tuple(range(first, min(first + size, frames))) for first in range(0, frames, size)]


def clips(split: Split, video: Video, trial: Trial) -> list[Sample]:
    """The video's windows at the size of inference, or the one around its annotated frame, as the split is scored.

    The expression they carry is the first; `predict` and `detect` put in each.
    """
    parts = [centred(video, trial.data.frames)] if split.evaluation == "detections" else windows(len(video.frames), trial.evaluate.window)
    return [evaluation_sample(split, video, video.expressions[0], part, trial.evaluate, trial.data) for part in parts]


@dataclass(frozen=True, slots=True)
class Inference:
    """How a trial predicts, and the frame's own size, which masks are resized to."""

    height: int
    width: int
    evaluate: Evaluate
    captions: Captions


def predict(model: VDIT, samples: Sequence[Sample], expressions: Sequence[Expression], how: Inference) -> dict[str, Masks]:
    """Masks [T, H, W] by expression id. What does not depend on the expression is computed once a window."""
    parts: dict[str, list[Masks]] = {expression.id: [] for expression in expressions}
    for sample in samples:
        for expression, shares_QTHW in window(model, sample, expressions, how, "best"):
            parts[expression.id].append(masks(shares_QTHW[0], how))
    return {name: np.concatenate(found) for name, found in parts.items()}


def window(
    model: VDIT, sample: Sample, expressions: Sequence[Expression], how: Inference, keep: Keep
) -> Iterator[tuple[Expression, torch.Tensor]]:
    """One window's probabilities [Q, T, H, W] for each expression in turn, those of the surest query first.

    In memory is what one expression needs, however many there are. Q is 1 where `keep` is "best".
    """
    model.eval()
    batch = replace(to(collate([sample], how.evaluate.pad), model.frozen.device), targets=None)
    with inferring(model, how):
        seen = model.see(batch)
    for expression in expressions:
        # Closed before each probability is handed out: whoever takes them computes in a precision of their own.
        with inferring(model, how):
            worded = replace(batch, captions=(caption.at_test(expression.text, how.captions),))
            prediction = model.predict(worded, keep, seen)
            order_Q = visibility(prediction.logits_BTQ)[0].argsort(descending=True, stable=True)
            shares_QTHW = probabilities(prediction.masks_BTQHW[0].transpose(0, 1)[order_Q], sample.frames.shape[1:3], how)
        yield expression, shares_QTHW


@contextmanager
def inferring(model: VDIT, how: Inference) -> Iterator[None]:
    with torch.inference_mode(), autocast(model.frozen.device, how.evaluate.autocast):
        yield


def probabilities(logits_NTHW: torch.Tensor, inner: tuple[int, ...], how: Inference) -> torch.Tensor:
    """Crops the padding, resizes the logits from `inner` (height, width) to the frame and takes their sigmoid."""
    logits = logits_NTHW[:, :, : inner[0], : inner[1]].float()
    if inner != (how.height, how.width):
        logits = functional.interpolate(logits, size=(how.height, how.width), mode="bilinear", align_corners=False)
    return logits.sigmoid()


def masks(shares: torch.Tensor, how: Inference) -> Masks:
    return np.asarray((shares > how.evaluate.threshold).cpu().numpy())
