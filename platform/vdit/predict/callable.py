"""A finished trial as a Python function of frames and words: `vdit.load`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vdit.config.evaluate import Evaluate
from vdit.predict.anybody import in_windows
from vdit.predict.benchmark import stream
from vdit.train import trained
from vdit.train.trained import Trained
from vdit.video import Expression, Frames, Masks

# T frames, H W pixels


@dataclass(frozen=True, slots=True)
class Model:
    """What a trial has learnt. Masks are those that `vdit predict --video` writes of the same frames.

    `trained` has the module itself, the trial's configuration and its key.
    """

    trained: Trained
    evaluate: Evaluate

    def __call__(self, frames: Frames, expression: str, *, video: str = "video", window: int = 0) -> Masks:
        """Masks [T, H, W], bool, of what `expression` says in `frames`, [T, H, W, 3] uint8 RGB. Arguments as for `scores`."""
        return np.asarray(self.scores(frames, expression, video=video, window=window) > self.evaluate.threshold)

    def scores(self, frames: Frames, expression: str, *, video: str = "video", window: int = 0) -> NDArray[np.float32]:
        """How likely each pixel is of the object, [T, H, W] float32 of 0 to 1, at the frames' own size.

        `video` names the video, as its file's name does for `vdit predict`: gaussian noise is drawn by it. `window` frames are seen at a
        time; 0 is as the trial was measured. Raises ValueError for frames of another kind, and for an expression without words.
        """
        check(frames, expression)
        evaluate = replace(self.evaluate, window=window) if window else self.evaluate
        return np.concatenate(list(self._windows(frames, expression, video, evaluate)))

    def _windows(self, frames: Frames, expression: str, video: str, evaluate: Evaluate) -> Iterator[NDArray[np.float32]]:
        said = (Expression("", expression, 0),)
        for first in range(0, len(frames), evaluate.window):
            part = np.ascontiguousarray(frames[first : first + evaluate.window])
            for _, shares_THW in stream(self.trained, video, part, said, evaluate):
                yield np.asarray(shares_THW, np.float32)


def check(frames: Frames, expression: str) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(f"frames are {frames.dtype} {list(frames.shape)}; give uint8 [T, H, W, 3], RGB, of one frame or more")
    if not expression.strip():
        raise ValueError(f"expression {expression!r} has no words; say what is to be segmented")


def load(run: str, runs: Path, tracking_uri: str, device: str) -> Model:
    """As `vdit.load`."""
    runs = runs.resolve()
    name = key_of(run, tracking_uri) if tracking_uri else run
    found = trained.load(trained.find(runs, name), runs, chosen(device))
    return Model(found, in_windows(found.ticket.trial.evaluate))


def key_of(run: str, tracking_uri: str) -> str:
    """The trial key of an MLflow run. Raises ValueError where the server has no such run, or it is not a trial's."""
    from vdit.track import mlflow

    key = mlflow.key_of(run, tracking_uri)
    if not key:
        raise ValueError(f"{tracking_uri} has no trial under the run id {run!r}; take the id of a run with the tag vdit.kind = trial")
    return key


def chosen(device: str) -> torch.device:
    """The device of that name, or the first GPU, or the CPU. Raises ValueError for one that is not there."""
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(name)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name}: {str(error).splitlines()[0]}; name cpu, or a device that is there") from error
    return found
