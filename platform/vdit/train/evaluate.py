"""What a trained model is measured by: masks scored frame by frame, in changing light, and what its features do (metrics.md part C).

Each expression's truth is scored against the masks under another object's, too: what the words are worth (clips/shuffled.py); and against
those of the query that comes closest to it: what the head found and did not choose (train/closest.py). A split that is scored by
detections (Tables 2 and 4) has all queries' masks in one frame a video instead, and neither control.

Every unit of work leaves a part file, so that a killed evaluation goes on where it was; at the end one worker merges the parts.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from vdit.clips.evaluation import brighten, evaluation_sample
from vdit.clips.shuffled import shuffled
from vdit.config.trial import Trial
from vdit.metrics import components, drift
from vdit.model.collate import collate, to
from vdit.model.precision import autocast
from vdit.model.vdit import VDIT
from vdit.record import instances, parts, scores
from vdit.record.scores import Kind
from vdit.train import closest, clustered, detect
from vdit.train.clock import Clock
from vdit.train.group import Member
from vdit.train.predict import Inference, clips, predict, windows
from vdit.video import Expression, Masks, Sample, Split, Video

CONTROLS: tuple[Kind, ...] = ("shuffled", "closest")  # what is scored beside the video's own masks, each in a file of its own
STRIDES = (8, 16, 32)  # of the feature levels that are followed; the 4x level is the autoencoder's, the same for every arm


@dataclass(frozen=True, slots=True)
class Unit:
    """A video to segment, a clip whose features are followed, or a video whose features are clustered. `name` is that of its part file."""

    name: str
    video: Video
    clip: drift.Clip | None = None
    clustered: bool = False

    @property
    def segmented(self) -> bool:
        return self.clip is None and not self.clustered

    def control(self, kind: Kind) -> str:
        """The part file of a video's masks as a control has them."""
        return self.name.replace("video", kind)


class Evaluation:
    """Each worker takes every world-th unit; all workers advance together."""

    def __init__(self, trial: Trial, model: VDIT, split: Split, place: Path, member: Member, *, clock: Clock) -> None:
        self.trial, self.model, self.split, self.member, self.clock = trial, model, split, member, clock
        self.place, self.parts = place, place / "parts"
        self.units = tuple(units(trial, split))
        self.total = -(-len(self.units) // member.world)
        self.done = 0

    def remaining(self) -> bool:
        return self.done < self.total

    def advance(self) -> None:
        """One unit of this worker, unless an earlier session left its part."""
        index = self.done * self.member.world + self.member.rank
        self.done += 1
        if index >= len(self.units):
            return
        unit = self.units[index]
        path = self.parts / unit.name
        self.parts.mkdir(exist_ok=True)
        if self.over(unit):
            return
        if unit.clip is not None:
            parts.write_features(path, self.follow(unit.video, unit.clip))
        elif unit.clustered:
            scores.write(path, clustered.rows(self.model, self.split, unit.video, self.trial, STRIDES))
        elif self.split.evaluation == "detections":
            scores.write(path, self.detections(unit.video))
        else:
            table, controls = self.score(unit.video)
            for kind, its in controls.items():
                scores.write(self.parts / unit.control(kind), its)
            scores.write(path, table)

    def over(self, unit: Unit) -> bool:
        """Whether all its parts are there. Who was killed while it removed them, its result unwritten, may have left some."""
        controls = CONTROLS if unit.segmented and self.split.evaluation != "detections" else ()
        return all((self.parts / name).exists() for name in (unit.name, *map(unit.control, controls)))

    def detections(self, video: Video) -> pd.DataFrame:
        """A row per expression and query."""
        with self.clock:
            found = list(detect.of_video(self.model, self.split, video, self.trial))
        tables = [instances.rows(name, its.scores_Q, its.masks_QHW, truth_HW) for name, its, truth_HW in found]
        return pd.concat(tables, ignore_index=True)

    def score(self, video: Video) -> tuple[pd.DataFrame, dict[Kind, pd.DataFrame]]:
        """A row per expression, frame, level and draw; level 0 is the video as it is. Then that video as each control has it."""
        samples = clips(self.split, video, self.trial)
        everything = tuple(range(len(video.frames)))
        truth = {expression.id: self.split.masks(video, everything, expression.object) for expression in video.expressions}
        size = next(iter(truth.values())).shape[1:]
        how = Inference(size[0], size[1], self.trial.evaluate, self.trial.data.captions)
        with self.clock:
            found, near = closest.of_video(self.model, samples, video.expressions, how, truth)
        tables = [rows(video, found, truth).assign(level=0.0, draw=0)]
        swapped = {name: found[other] for name, other in shuffled(video, self.trial.data.seed).items()}
        for level in self.trial.evaluate.light:
            for draw in range(self.trial.evaluate.light_draws):
                brighter = lit(samples, video, level, draw, self.trial)
                with self.clock:
                    dimmed = predict(self.model, brighter, video.expressions, how)
                tables.append(rows(video, dimmed, truth).assign(level=level, draw=draw))
        return pd.concat(tables, ignore_index=True), {"shuffled": rows(video, swapped, truth), "closest": rows(video, near, truth)}

    @torch.inference_mode()
    def follow(self, video: Video, clip: drift.Clip) -> list[drift.ClipFeatures]:
        """Features of the clip's object, and of another object of the video, at every stride."""
        self.model.eval()
        indices = tuple(range(clip.start, clip.start + self.trial.evaluate.drift_frames))
        expression, sample = followed(self.split, video, clip, self.trial)
        other = self.other(video, expression.object, indices)
        with self.clock, autocast(self.member.device, self.trial.evaluate.autocast):
            levels = self.model.levels(replace(to(collate([sample], self.trial.evaluate.pad), self.member.device), targets=None))
        name = f"{clip.video}/{clip.expression}/{clip.start}"
        return [features(name, level, sample, other, stride) for stride, level in zip(STRIDES, levels.maps_BTCHW[1:], strict=True)]

    def other(self, video: Video, object_id: int, indices: tuple[int, ...]) -> Sample | None:
        """The clip with the mask of another object, one that is seen in every frame if there is one; None where the video has no other."""
        others = {expression.object: expression for expression in video.expressions if expression.object != object_id}
        if not others:
            return None
        labels = self.split.labels(video, indices)
        seen = max(others, key=lambda other: int((labels == other).any(axis=(1, 2)).sum()))
        return evaluation_sample(self.split, video, others[seen], indices, self.trial.evaluate, self.trial.data)

    def merge(self) -> dict[str, float]:
        """Parts become the trial's files; returns what they amount to. For one worker, when all have finished."""
        every = pd.concat([scores.read(self.parts / unit.name) for unit in self.units if unit.segmented], ignore_index=True)
        measured = self.merge_detections(every) if self.split.evaluation == "detections" else self.merge_frames(every)
        shutil.rmtree(self.parts)
        return measured

    def merge_detections(self, every: pd.DataFrame) -> dict[str, float]:
        scores.write(self.place / "instances.parquet", every)
        return detect.measure(every)

    def merge_frames(self, every: pd.DataFrame) -> dict[str, float]:
        """J, F and J&F in percent."""
        table = every[every["level"] == 0.0].drop(columns=["level", "draw"])
        scores.write(self.place / "scores.parquet", table)
        for kind in CONTROLS:
            scores.merge([self.parts / unit.control(kind) for unit in self.units if unit.segmented], self.place / f"{kind}.parquet")
        if self.trial.evaluate.light:
            scores.write(self.place / "light.parquet", every[every["level"] > 0.0])
        followed = [found for unit in self.units if unit.clip is not None for found in parts.read_features(self.parts / unit.name)]
        if self.trial.evaluate.drift_clips:
            scores.write(self.place / "drift.parquet", drift.curves(followed))
        scores.merge([self.parts / unit.name for unit in self.units if unit.clustered], self.place / "clusters.parquet")
        measured = components.measure(table)
        return {"j": measured.j, "f": measured.f, "jf": measured.jf}


def check(trial: Trial, split: Split) -> None:
    """Raises ValueError for an evaluation that cannot succeed, before the trial is trained.

    The clips of Figure 4 are chosen for this, as they will be in the end: every label of the split is read, and one that cannot
    be drawn or read would else be found behind days of training.
    """
    evaluate = trial.evaluate
    if split.evaluation == "detections" and (evaluate.light or evaluate.drift_clips):
        raise ValueError(
            f"{trial.data.benchmark} is scored by detections in single frames, but evaluate.light is {list(evaluate.light)} and "
            f"evaluate.drift_clips {evaluate.drift_clips}, which are measured on videos; set light: [] and drift_clips: 0"
        )
    if evaluate.drift_clips and not drift.clips(split, evaluate.drift_clips, evaluate.drift_frames, trial.data.seed):
        longest, split_name = max(split.videos, key=lambda video: len(video.frames)), trial.data.eval_split
        raise ValueError(
            f"evaluate.drift_frames is {evaluate.drift_frames}, but no object of {trial.data.benchmark}'s split {split_name!r} is seen in "
            f"so many frames on end; its longest video, {longest.id}, has {len(longest.frames)}: lower it, or set drift_clips: 0"
        )


def units(trial: Trial, split: Split) -> Iterator[Unit]:
    """All videos, then the clips of Figure 4, chosen by data.seed, and the videos of Figures 1 and 3."""
    for index, video in enumerate(split.videos):
        yield Unit(f"video-{index:05d}.parquet", video)
    evaluate = trial.evaluate
    if evaluate.drift_clips:
        videos = {video.id: video for video in split.videos}
        for index, clip in enumerate(drift.clips(split, evaluate.drift_clips, evaluate.drift_frames, trial.data.seed)):
            yield Unit(f"clip-{index:05d}.npz", videos[clip.video], clip)
    if split.evaluation == "frames":
        for index, video in enumerate(split.videos[: clustered.VIDEOS]):
            yield Unit(f"clusters-{index:05d}.parquet", video, clustered=True)


def followed(split: Split, video: Video, clip: drift.Clip, trial: Trial) -> tuple[Expression, Sample]:
    """What a clip of Figure 4 shows, and its frames."""
    indices = tuple(range(clip.start, clip.start + trial.evaluate.drift_frames))
    expression = next(expression for expression in video.expressions if expression.id == clip.expression)
    return expression, evaluation_sample(split, video, expression, indices, trial.evaluate, trial.data)


def rows(video: Video, found: dict[str, Masks], truth: dict[str, Masks]) -> pd.DataFrame:
    """Those of every expression that has masks."""
    tables = [scores.rows(video.id, name, video.frames, masks, truth[name]) for name, masks in found.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=scores.SCHEMAS["shuffled"].names)


def lit(samples: list[Sample], video: Video, level: float, draw: int, trial: Trial) -> list[Sample]:
    """The windows under Figure 5's light noise."""
    names = [[video.frames[index] for index in part] for part in windows(len(video.frames), trial.evaluate.window)]
    return [
        replace(sample, frames=brighten(sample.frames, level, video.id, part, draw)) for sample, part in zip(samples, names, strict=True)
    ]


def features(name: str, level: torch.Tensor, sample: Sample, other: Sample | None, stride: int) -> drift.ClipFeatures:
    """One level pooled over the object's box, its mask, and the other object's box."""
    level = level.float()

    def pooled(masks: Masks) -> drift.Features:
        boxes = torch.from_numpy(np.nan_to_num(drift.boxes(masks))).to(level.device)
        found: drift.Features = drift.roi_features(level, boxes, stride).cpu().numpy()
        found[~masks.any(axis=(1, 2))] = np.nan
        return found

    inside = drift.mask_features(level, torch.from_numpy(sample.masks).to(level.device), stride).cpu().numpy()
    return drift.ClipFeatures(name, stride, pooled(sample.masks), inside, None if other is None else pooled(other.masks))
