"""One file of trainable parameters, optimizer state and position that does not depend on the number of workers or the ZeRO stage."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

MOMENTS = ("exp_avg", "exp_avg_sq")
NAME = "last.safetensors"


def gather(engine: Any, trainable: Mapping[str, torch.nn.Parameter]) -> dict[str, Tensor]:
    """Full float32 parameters and AdamW moments of a DeepSpeed engine. Every worker must call it: partitions are collected."""
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    tensors: dict[str, Tensor] = {}
    for name, parameter in trainable.items():
        if engine.zero_optimization_stage() == 0:
            state = engine.optimizer.state.get(parameter, {})
            full, moments = parameter.detach(), {moment: state[moment] for moment in MOMENTS if moment in state}
        else:
            full = safe_get_full_fp32_param(parameter)
            moments = {moment: safe_get_full_optimizer_state(parameter, moment) for moment in MOMENTS}
        tensors[f"parameter/{name}"] = full.float().cpu().clone()
        for moment, value in moments.items():
            tensors[f"{moment}/{name}"] = value.float().cpu().clone()
    return tensors


def scatter(engine: Any, trainable: Mapping[str, torch.nn.Parameter], tensors: Mapping[str, Tensor], step: int) -> None:
    """The reverse of `gather`: the engine goes on after `step` finished steps."""
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

    for name, parameter in trainable.items():
        if engine.zero_optimization_stage() == 0:
            with torch.no_grad():
                parameter.copy_(tensors[f"parameter/{name}"])
            if step:
                moments = {moment: tensors[f"{moment}/{name}"].to(parameter.device).clone() for moment in MOMENTS}
                engine.optimizer.state[parameter] = {"step": torch.tensor(float(step)), **moments}
            continue
        safe_set_full_fp32_param(parameter, tensors[f"parameter/{name}"].to(parameter.device))
        for moment in MOMENTS:
            safe_set_full_optimizer_state(parameter, tensors[f"{moment}/{name}"].to(parameter.device), moment)
    if engine.zero_optimization_stage() > 0:
        for state in engine.optimizer.optimizer.state.values():
            state["step"] = torch.tensor(float(step))


def write(folder: Path, tensors: Mapping[str, Tensor], step: int) -> None:
    """Replaces the folder's checkpoint in one move, so that a kill at any moment leaves the old or the new one, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{NAME}.{os.getpid()}"
    try:
        save_file(dict(tensors), draft, metadata={"step": str(step)})
        draft.replace(folder / NAME)
    finally:
        draft.unlink(missing_ok=True)


def read(folder: Path) -> tuple[dict[str, Tensor], int] | None:
    """The folder's checkpoint and its number of finished steps; None where there is none."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, int(file.metadata()["step"])  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable checkpoint ({error}); delete it and the trial starts again") from error


def parameters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained parameters alone, under their names in the model."""
    return {name.removeprefix("parameter/"): value for name, value in tensors.items() if name.startswith("parameter/")}


def load_into(trainable: Mapping[str, torch.nn.Parameter], tensors: Mapping[str, Tensor], source: Path) -> None:
    """Copies a checkpoint's parameters into a model without an engine; refuses one of another architecture, naming the first key that differs."""
    saved = parameters(tensors)
    for name in sorted(saved.keys() ^ trainable.keys()):
        there = "the checkpoint" if name in saved else "the model"
        raise ValueError(f"{source}: parameter {name!r} is only in {there}; it was trained with another architecture")
    for name, parameter in trainable.items():
        if saved[name].shape != parameter.shape:
            raise ValueError(
                f"{source}: {name!r} is {tuple(saved[name].shape)} there and {tuple(parameter.shape)} in the model; another architecture"
            )
        with torch.no_grad():
            parameter.copy_(saved[name])
