"""The optimisation of one trial on one of its workers: DeepSpeed, AdamW, one learning rate (spec section 5)."""

import time
from pathlib import Path
from typing import Any

import torch

from vdit.clips.sampling import sample
from vdit.config.trial import Trial
from vdit.model.collate import collate, to
from vdit.model.losses import losses, total
from vdit.model.vdit import VDIT
from vdit.train import checkpoint
from vdit.train.group import Member, mean
from vdit.train.schedule import Schedule
from vdit.train.seeds import derive, drawing
from vdit.video import Split


class LossNotFiniteError(ArithmeticError):
    """The loss became NaN or infinite: the trial has failed, and going on would hide it."""


class Loop:
    """A worker sees its share of every global batch; what a step draws depends on (trial, step, rank) alone."""

    def __init__(self, trial: Trial, model: VDIT, split: Split, member: Member) -> None:
        if trial.train.batch % member.world:
            raise ValueError(
                f"train.batch is {trial.train.batch} and launch.workers {member.world}; the workers must divide the batch evenly"
            )
        self.trial, self.model, self.split, self.member = trial, model, split, member
        self.schedule = Schedule(split.items, trial.data, trial.train)
        self.engine = engine(model, trial, member.world)

    def step(self, step: int) -> dict[str, float]:
        """One optimisation step; returns its losses (this worker's share), learning rate, gradient norm and seconds."""
        started = time.perf_counter()
        share = self.schedule.indices(step)[self.member.rank :: self.member.world]
        epoch = self.schedule.epoch(step)
        clips = [sample(self.split, self.split.items[index], self.trial.data, epoch, index) for index in share]
        batch = to(collate(clips), self.member.device)
        assert batch.targets is not None
        boxes = max(1.0, mean(float(batch.targets.valid_BT.sum()), self.member.device))
        rate = self.schedule.learning_rate(step)
        for group in self.engine.optimizer.param_groups:
            group["lr"] = rate
        self.engine.train()
        with drawing(derive(self.trial.seed, "dropout", step, self.member.rank), self.member.device):
            outputs = self.engine(batch, self.trial.train.match)
        terms = losses(outputs, batch.targets, self.trial.train.loss, boxes)
        loss = total(terms, self.trial.train.loss)
        if not torch.isfinite(loss):
            videos = ", ".join(f"{clip.video}/{clip.expression}" for clip in clips)
            raise LossNotFiniteError(f"loss is {loss.item()} at step {step} on {videos}")
        self.engine.backward(loss)
        norm = self.gradient_norm()
        self.engine.step()
        row = {name: value.item() for name, value in terms.items()}
        norm = norm if norm is not None else float(self.engine.get_global_grad_norm())
        return {"loss": loss.item(), **row, "learning_rate": rate, "gradient_norm": norm, "seconds": time.perf_counter() - started}

    def gradient_norm(self) -> float | None:
        """Before clipping. ZeRO's own optimizers report it after the step instead."""
        if self.engine.zero_optimization_stage() > 0:
            return None
        return float(torch.nn.utils.get_total_norm([p.grad for p in self.model.trainable().values() if p.grad is not None]))

    def restore(self, state: tuple[dict[str, torch.Tensor], int], source: Path) -> int:
        """Goes on from a checkpoint; one of another architecture is refused with ValueError."""
        tensors, step = state
        checkpoint.fits(self.model.trainable(), tensors, source)
        checkpoint.scatter(self.engine, self.model.trainable(), tensors, step)
        checkpoint.put_back(self.model.kept(), tensors, source)
        return step

    def gather(self) -> dict[str, torch.Tensor]:
        return {**checkpoint.gather(self.engine, self.model.trainable()), **checkpoint.aside(self.model.kept())}


def engine(model: VDIT, trial: Trial, world: int) -> Any:
    """A DeepSpeed engine over the trainable parameters. The optimizer is torch's own, so that nothing is compiled."""
    import deepspeed

    train, choice = trial.train, trial.train.deepspeed
    parameters = list(model.trainable().values())
    optimizer = torch.optim.AdamW(parameters, lr=train.learning_rate, weight_decay=train.weight_decay)
    config = {
        "train_micro_batch_size_per_gpu": train.batch // world,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": choice.gradient_clipping,
        "zero_optimization": {"stage": choice.zero_optimization.stage},
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
    }
    if choice.torch_autocast.enabled:
        config["torch_autocast"] = {"enabled": True, "dtype": choice.torch_autocast.dtype}
    made, *_ = deepspeed.initialize(model=model, optimizer=optimizer, model_parameters=parameters, config=config)
    return made
