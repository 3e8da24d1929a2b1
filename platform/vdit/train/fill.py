"""Fills a store before training: what a trial will encode, and nothing else of it."""

from collections.abc import Iterator
from pathlib import Path

import torch

from vdit import registry
from vdit.config.evaluate import Precision
from vdit.config.trial import Trial
from vdit.model.batch import Batch
from vdit.model.collate import collate, to
from vdit.model.encode import encode
from vdit.model.frozen import SwinStart
from vdit.model.precision import autocast
from vdit.train import folder
from vdit.train.evaluate import Unit, followed, lit, units
from vdit.train.group import Member
from vdit.train.loop import clips as training_clips
from vdit.train.predict import clips
from vdit.train.schedule import Schedule
from vdit.train.session import splits
from vdit.train.shelf import Counts, Weights, shelve
from vdit.video import Sample, Split


def fill(place: Path, runs: Path, member: Member) -> Counts:
    """This member's share of the trial whose folder `place` is. Each clip as training pads it, in the precision of training."""
    ticket = folder.read_ticket(place)
    trial = ticket.trial
    train, valid = splits(ticket, runs)
    weights = folder.weights_folder(trial, ticket.weights, runs)
    frozen = registry.find("backbones", trial.model.backbone.name).load(trial.model, weights, member.device)
    if isinstance(frozen, SwinStart):
        return {}
    shelf = shelve(ticket, runs, Weights.of(frozen))
    if shelf is None:
        raise ValueError(f"launch.store of {trial.arm} is off; there is nothing to fill")
    for batch, precision in batches(trial, train, valid, member):
        with torch.inference_mode(), autocast(member.device, precision):
            encode(frozen, trial.model, to(batch, member.device), shelf)
    return shelf.report()


def batches(trial: Trial, train: Split, valid: Split, member: Member) -> Iterator[tuple[Batch, Precision]]:
    """Every world-th step, as each worker of the trial will see it, and every world-th unit of its evaluation."""
    schedule, workers = Schedule(train.items, trial.data, trial.train), trial.launch.workers
    half = trial.train.deepspeed.torch_autocast
    for step in range(member.rank, schedule.steps, member.world):
        for rank in range(workers):
            for part in training_clips(train, schedule, step, Member(rank, workers, member.device), trial.micro_batch(workers)):
                yield collate(part), half.dtype if half.enabled else "none"
    for unit in list(units(trial, valid))[member.rank :: member.world]:
        for sample in evaluated(unit, trial, valid):
            yield collate([sample], trial.evaluate.pad), trial.evaluate.autocast


def evaluated(unit: Unit, trial: Trial, split: Split) -> Iterator[Sample]:
    """The clips that are looked at for one unit: the video as it is, and in every light."""
    if unit.clip is not None:
        yield followed(split, unit.video, unit.clip, trial)[1]
        return
    plain = clips(split, unit.video, trial)
    yield from plain
    if split.evaluation == "frames":
        for level in trial.evaluate.light:
            for draw in range(trial.evaluate.light_draws):
                yield from lit(plain, unit.video, level, draw, trial)
