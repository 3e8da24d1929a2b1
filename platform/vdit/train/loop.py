"""The optimisation of one trial on one of its workers: DeepSpeed, AdamW, one learning rate (spec section 5)."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from vdit.clips.sampling import sample
from vdit.config.train import Train
from vdit.config.trial import Trial
from vdit.model.batch import Batch
from vdit.model.collate import collate, to
from vdit.model.losses import term_names
from vdit.model.swin import VideoSwinFeatures
from vdit.model.vdit import VDIT
from vdit.train import checkpoint
from vdit.train.clock import Clock
from vdit.train.group import Member, mean
from vdit.train.nonfinite import LossNotFiniteError, first_nonfinite
from vdit.train.objective import Objective
from vdit.train.schedule import Schedule
from vdit.train.seeds import derive, drawing
from vdit.video import Sample, Split


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker sees in one forward pass: some of its clips of a step. `boxes` is what their losses are divided by."""

    clips: tuple[Sample, ...]
    boxes: float
    step: int
    index: int


class Loop:
    """A worker sees its share of every global batch; what a step draws depends on (trial, step, rank) alone."""

    def __init__(self, trial: Trial, model: VDIT, split: Split, member: Member, clock: Clock) -> None:
        self.trial, self.model, self.split, self.member, self.clock = trial, model, split, member, clock
        self.micro = trial.micro_batch(member.world)
        self.schedule = Schedule(split.items, trial.data, trial.train)
        self.names = term_names(trial.model.head.decoder_layers, trial.train.loss)
        self.engine = engine(Objective(model, trial.train), trial, self.micro, member.world)
        self.engine.train()

    def step(self, step: int) -> dict[str, float]:
        """One optimisation step; returns its losses (this worker's share), learning rate, gradient norm and seconds."""
        started = time.perf_counter()
        parts = self.parts(step)
        rate = self.schedule.learning_rate(step)
        for group in self.engine.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        if not self.model.training:  # left so by an evaluation; to say it every time would be a walk through all modules
            self.engine.train()
        sums = torch.zeros(1 + len(self.names), dtype=torch.float64)
        norm = None
        for part in parts:
            with self.clock:
                loss, terms = self.forward(part)
                self.engine.backward(loss)
                norm = self.gradient_norm() if part is parts[-1] else None
                self.engine.step()
                sums += torch.cat([loss.detach()[None], terms]).double().cpu() / len(parts)
        norm = norm if norm is not None else float(self.engine.get_global_grad_norm())
        row = dict(zip(("loss", *self.names), sums.tolist(), strict=True))
        return {**row, "learning_rate": rate, "gradient_norm": norm, "seconds": time.perf_counter() - started}

    def parts(self, step: int) -> list[Part]:
        """This worker's clips of a step, so many at a time as it takes at once."""
        parts = clips(self.split, self.schedule, step, self.member, self.micro)
        visible = mean(float(sum(int(clip.valid_T.sum()) for part in parts for clip in part)), self.member.device)
        # Of the global batch, so that it does not matter how many workers and parts share it.
        boxes = max(1.0, visible / len(parts))
        return [Part(part, boxes, step, index) for index, part in enumerate(parts)]

    def forward(self, part: Part) -> tuple[Tensor, Tensor]:
        """Loss and terms; raises LossNotFiniteError on every worker where the loss of one is NaN or infinite."""
        batch = to(collate(part.clips, invalid_boxes=self.trial.train.invalid_boxes), self.member.device)
        loss, terms = self.run(part, batch)
        if mean(float(torch.isfinite(loss)), self.member.device) < 1:
            self.stop(part, batch, loss, terms)
        return loss, terms

    def run(self, part: Part, batch: Batch) -> tuple[Tensor, Tensor]:
        with drawing(derive(self.trial.seed, "dropout", part.step, self.member.rank, part.index), self.member.device):
            loss, terms = self.engine(batch, part.boxes)
        return loss, terms

    def stop(self, part: Part, batch: Batch, loss: Tensor, terms: Tensor) -> None:
        """Repeats the forward pass to find where it went wrong; all workers do, since their collectives need each other."""
        networks = [("", self.model), *self.model.frozen.networks().items()]
        place = first_nonfinite(networks, lambda: self.run(part, batch))
        said = ""
        if not torch.isfinite(loss):
            wrong = next(name for name, term in zip(("loss", *self.names), (loss, *terms), strict=True) if not torch.isfinite(term))
            videos = ", ".join(f"{clip.video}/{clip.expression}" for clip in part.clips)
            said = f"loss is {loss.item()} at step {part.step} on {videos}; the first output that is not finite is that of {place or wrong}"
        everyone: list[str] = [""] * self.member.world
        dist.all_gather_object(everyone, said)
        raise LossNotFiniteError("; ".join(filter(None, everyone)))

    def gradient_norm(self) -> float | None:
        """Before clipping. ZeRO's own optimizers report it after the step instead."""
        if self.engine.zero_optimization_stage() > 0:
            return None
        return float(torch.nn.utils.get_total_norm([p.grad for p in self.model.trainable().values() if p.grad is not None]))

    def restore(self, state: tuple[dict[str, Tensor], int], source: Path) -> int:
        """Goes on from a checkpoint; one of another architecture is refused with ValueError."""
        tensors, step = state
        checkpoint.fits(self.trainable_shapes(), tensors, source)
        checkpoint.scatter(self.engine, self.model.trainable(), tensors, step)
        checkpoint.put_back(self.model.kept(), tensors, source)
        return step

    def trainable_shapes(self) -> dict[str, tuple[int, ...]]:
        """Full shapes, also of parameters that ZeRO 3 has cut into parts."""
        return {name: tuple(getattr(parameter, "ds_shape", parameter.shape)) for name, parameter in self.model.trainable().items()}

    def gather(self) -> dict[str, Tensor]:
        return {**checkpoint.gather(self.engine, self.model.trainable()), **checkpoint.aside(self.model.kept())}

    def whole_model(self) -> VDIT:
        """The trained model to predict with. Every worker must call it: ZeRO 3 has a part of each parameter everywhere."""
        if self.engine.zero_optimization_stage() < 3:
            return self.model
        tensors = self.gather()
        whole = VDIT(self.trial.model, self.model.frozen, self.trial.seed)
        with torch.no_grad():
            for name, value in checkpoint.parameters(tensors).items():
                whole.trainable()[name].copy_(value)
        checkpoint.put_back(whole.kept(), tensors, Path("ZeRO 3"))
        return whole


def clips(split: Split, schedule: Schedule, step: int, member: Member, micro: int) -> list[tuple[Sample, ...]]:
    """What a worker sees of a step, in parts of `micro` clips."""
    indices, epoch = schedule.indices(step)[member.rank :: member.world], schedule.epoch(step)
    drawn = tuple(sample(split, split.items[index], schedule.data, epoch, index) for index in indices)
    return [drawn[first : first + micro] for first in range(0, len(drawn), micro)]


def engine(objective: Objective, trial: Trial, micro: int, world: int) -> Any:
    """A DeepSpeed engine over the trainable parameters. The optimizer is torch's own, so that nothing is compiled."""
    import deepspeed

    train, choice = trial.train, trial.train.deepspeed
    groups = groups_of(objective.model, train)
    optimizer = torch.optim.AdamW(groups, lr=train.learning_rate, weight_decay=train.weight_decay, fused=True)
    config = {
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": train.batch // (world * micro),
        "gradient_clipping": choice.gradient_clipping,
        "zero_optimization": {"stage": choice.zero_optimization.stage},
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
    }
    if choice.torch_autocast.enabled:
        config["torch_autocast"] = {"enabled": True, "dtype": choice.torch_autocast.dtype}
    made, *_ = deepspeed.initialize(model=objective, optimizer=optimizer, model_parameters=list(objective.parameters()), config=config)
    return made


def groups_of(model: VDIT, train: Train) -> list[dict[str, Any]]:
    """AdamW's groups, each with its share of the learning rate: the whole model, or a trained backbone apart from the rest."""
    if not isinstance(model.features, VideoSwinFeatures):
        return [{"params": list(model.parameters()), "share": 1.0}]
    backbone, head = list(model.features.parameters()), list(model.head.parameters())
    return [{"params": backbone, "share": train.backbone_rate}, {"params": head, "share": 1.0}]
