"""A split that is scored by detections, predicted by a finished trial (spec section 6): all queries' masks, as the trial was measured on.

What is done stays done, video by video; a video is an annotated frame with its expressions, or a photograph.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vdit.config.evaluate import Evaluate
from vdit.submit import coco
from vdit.train import detect
from vdit.train.trained import Trained
from vdit.video import Split, Video


@dataclass(frozen=True, slots=True)
class Job:
    """One split, for one model, asked as its trial says."""

    trained: Trained
    split: Split
    out: Path

    @property
    def evaluate(self) -> Evaluate:
        return self.trained.ticket.trial.evaluate

    def missing(self) -> list[int]:
        """Indices of videos."""
        if coco.finished(self.out):
            return []
        return [index for index in range(len(self.split.videos)) if not coco.part(self.out, index).is_file()]

    def predict(self, index: int) -> None:
        found = detect.of_video(self.trained.model, self.split, self.split.videos[index], self.trained.ticket.trial)
        images = (coco.image(name, its.scores_Q, its.masks_QHW, truth_HW) for name, its, truth_HW in found)
        coco.write_part(coco.part(self.out, index), images)


def finish(job: Job) -> Iterator[Video]:
    """Predicts what is missing; each video is given when it is done. The files appear with the last one."""
    for index in job.missing():
        job.predict(index)
        yield job.split.videos[index]
    if coco.finished(job.out):
        coco.clear(job.out)
    else:
        coco.merge(job.out, len(job.split.videos))
