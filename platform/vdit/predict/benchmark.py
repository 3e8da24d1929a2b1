"""A whole split predicted by a finished trial, in the benchmark's own folder format (spec section 6). Videos that are done stay done."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vdit.clips.evaluation import unlabelled_sample
from vdit.config.canonical import digest
from vdit.config.code import PACKAGES, code_digest
from vdit.config.evaluate import Evaluate
from vdit.submit import folder
from vdit.submit.formats import Format
from vdit.submit.pages import Stream
from vdit.train.predict import Inference, window, windows
from vdit.train.trained import Trained
from vdit.video import Expression, Frames, Split, Video


class Whole(Protocol):
    """A split to predict, by whom, how, and into which folder."""

    @property
    def trained(self) -> Trained: ...
    @property
    def split(self) -> Split: ...
    @property
    def evaluate(self) -> Evaluate: ...
    @property
    def out(self) -> Path: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One split, for one model. `evaluate` is the trial's, perhaps with another window."""

    trained: Trained
    format: Format
    split: Split
    evaluate: Evaluate
    out: Path

    def missing(self) -> list[Video]:
        return [video for video in self.split.videos if not self.format.finished(self.out, video)]

    def predict(self, video: Video) -> None:
        """Writes one video, window after window: memory does not grow with its length."""
        with self.format.writing(self.out, video, self.evaluate.threshold) as write:
            for indices in windows(len(video.frames), self.evaluate.window):
                write(indices, stream(self.trained, video.id, self.split.frames(video, indices), video.expressions, self.evaluate))


def stream(trained: Trained, video: str, frames: Frames, expressions: tuple[Expression, ...], evaluate: Evaluate) -> Stream:
    """Probabilities of one window's expressions, at the frames' own size."""
    data = trained.ticket.trial.data
    sample = unlabelled_sample(video, frames, evaluate, data)
    how = Inference(frames.shape[1], frames.shape[2], evaluate, data.captions)
    for expression, shares_QTHW in window(trained.model, sample, expressions, how, "best"):
        yield expression, shares_QTHW[0].cpu().numpy()


def identity(trained: Trained, evaluate: Evaluate, runs: Path) -> dict[str, str]:
    """What predictions depend on but for the pixels: the trained parameters, the trial's configuration, the code, how it is asked."""
    return {
        "trial": trained.ticket.key,
        "arm": trained.ticket.trial.arm,
        "parameters": trained.parameters,
        "code": code_digest(PACKAGES, runs / "manifests"),
        "inference": digest(evaluate),
    }


def listed(split: Split) -> str:
    """Digest of the videos, frames and expressions of a split."""
    return digest([[video.id, video.frames, [[said.id, said.text, said.object] for said in video.expressions]] for video in split.videos])


def claim(job: Whole, runs: Path, benchmark: str, split: str) -> None:
    """Makes the folder of predictions this job's; raises ValueError where it is somebody else's."""
    own = {"benchmark": benchmark, "split": split, "listing": listed(job.split)}
    folder.claim(job.out, {**identity(job.trained, job.evaluate, runs), **own})


def finish(job: Job) -> Iterator[Video]:
    """Predicts what is missing; each video is given when it is done."""
    for video in job.missing():
        job.predict(video)
        yield video
