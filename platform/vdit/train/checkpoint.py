"""One file of the model's parameters, optimizer state and position that does not depend on the number of workers or the ZeRO stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vdit.model.tensors import save
from vdit.model.vdit import VDIT

MOMENTS = ("exp_avg", "exp_avg_sq")
NAME = "last.safetensors"
CLASS_HEAD = "head.classes."


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
    """The reverse of `gather`: the engine goes on after `step` finished steps. Every worker must call it."""
    if engine.zero_optimization_stage() == 0:
        with torch.no_grad():
            for name, parameter in trainable.items():
                parameter.copy_(tensors[f"parameter/{name}"])
                moments = {moment: tensors[f"{moment}/{name}"].to(parameter.device).clone() for moment in MOMENTS}
                engine.optimizer.state[parameter] = {"step": torch.tensor(float(step)), **moments}
        return
    begin_moments(engine, step)
    put = _put_part if engine.zero_optimization_stage() == 3 else _put_whole
    for name, parameter in trainable.items():
        put(parameter, *(tensors[f"{kind}/{name}"].to(parameter.device) for kind in ("parameter", *MOMENTS)))


def _put_whole(parameter: torch.nn.Parameter, value: Tensor, *moments: Tensor) -> None:
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

    safe_set_full_fp32_param(parameter, value)
    # The call above sets the optimizer's copy; the model reads its own until the next step.
    parameter.data.copy_(value)
    for moment, tensor in zip(MOMENTS, moments, strict=True):
        safe_set_full_optimizer_state(parameter, tensor, moment)


def _put_part(parameter: torch.nn.Parameter, value: Tensor, *moments: Tensor) -> None:
    """ZeRO 3: this worker's part. DeepSpeed 0.19's calls for whole tensors fail where their size is no multiple of the workers'."""
    from deepspeed.runtime.zero import GatheredParameters
    from deepspeed.utils import safe_get_local_fp32_param, safe_set_local_fp32_param, safe_set_local_optimizer_state

    length = safe_get_local_fp32_param(parameter).numel()
    safe_set_local_fp32_param(parameter, _part(value, length))
    with GatheredParameters([parameter], modifier_rank=0):
        parameter.data.copy_(value)
    for moment, tensor in zip(MOMENTS, moments, strict=True):
        safe_set_local_optimizer_state(parameter, _part(tensor, length), moment)


def _part(whole: Tensor, length: int) -> Tensor:
    """The rank-th piece of so many elements; behind the last element there are zeros."""
    padded = torch.nn.functional.pad(whole.flatten(), (0, length * dist.get_world_size() - whole.numel()))
    return padded.narrow(0, length * dist.get_rank(), length)


def gradients(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """After the first step alone: length of each parameter's gradient, zeros left out. AdamW's first moment is then that gradient, clipped
    and times 0.1, at every ZeRO stage.
    """
    lengths = {name: float(value.norm()) for name, value in tensors.items() if name.startswith(f"{MOMENTS[0]}/")}
    return {name.removeprefix(f"{MOMENTS[0]}/"): length for name, length in lengths.items() if length > 0}


def aside(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is not trained and belongs to the checkpoint nevertheless (`VDIT.kept`)."""
    return {f"kept/{name}": tensor.float().cpu().clone() for name, tensor in kept.items()}


def put_back(kept: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: Path) -> None:
    """The reverse of `aside`. Raises ValueError where the checkpoint `source` lacks one."""
    for name, tensor in kept.items():
        if f"kept/{name}" not in tensors:
            raise ValueError(f"{source}: {name!r} is only in the model, so it is of another head; move it away and train again")
        tensor.copy_(tensors[f"kept/{name}"])


def begin_moments(engine: Any, step: int) -> None:
    """ZeRO's flat partitions get their moments at the first step only; a trial that resumes needs them before it."""
    zero, inner = engine.optimizer, engine.optimizer.optimizer
    whole = engine.zero_optimization_stage() == 3
    for flat in zero.fp32_partitioned_groups_flat if whole else [flat for group in inner.param_groups for flat in group["params"]]:
        inner.state[flat] = {"step": torch.tensor(float(step)), **{moment: torch.zeros_like(flat) for moment in MOMENTS}}
    if engine.zero_optimization_stage() < 3:
        # DeepSpeed 0.19 links moments to parameters in its first step, and has no public call for it.
        zero._lazy_init_hp_params_optimizer_state()


def write(folder: Path, state: Mapping[str, Tensor], step: int) -> None:
    """Replaces the folder's checkpoint in one move, so that a kill at any moment leaves the old or the new one, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    save(state, folder / NAME, {"step": str(step)})


def read(path: Path) -> tuple[dict[str, Tensor], int] | None:
    """The checkpoint of a file and its number of finished steps; None where there is none."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, int(file.metadata()["step"])  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable checkpoint ({error}); delete it and the trial starts again") from error


def begin(model: VDIT, path: Path, class_head: Literal["re-initialise", "keep"]) -> None:
    """Gives a new model the trained parameters of a finished trial, or of a converted checkpoint (fine-tuning, spec section 5).

    The released code draws the class heads anew, though they mean the same (B12).
    """
    saved = read(path)
    if saved is None:
        raise ValueError(f"{path} is missing; it holds the parameters to start from: run that trial again, or name another file")
    trainable = model.trainable()
    fits({name: tuple(parameter.shape) for name, parameter in trainable.items()}, saved[0], path)
    with torch.no_grad():
        for name, value in parameters(saved[0]).items():
            if class_head == "keep" or not name.startswith(CLASS_HEAD):
                trainable[name].copy_(value)
    put_back(model.kept(), saved[0], path)


def parameters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained parameters alone, under their names in the model."""
    return {name.removeprefix("parameter/"): value for name, value in tensors.items() if name.startswith("parameter/")}


def fits(shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor], source: Path) -> None:
    """Raises ValueError naming the first parameter in which the checkpoint `source` and the model, of these `shapes`, differ."""
    saved = parameters(tensors)
    for name in sorted(saved.keys() ^ shapes.keys()):
        there = "the checkpoint" if name in saved else "the model"
        raise ValueError(f"{source}: parameter {name!r} is only in {there}, so it is of another architecture; move it away and train again")
    for name, expected in shapes.items():
        given = tuple(saved[name].shape)
        if given != expected:
            raise ValueError(
                f"{source}: {name!r} is {given}, expected {expected}, so it is of another architecture; move it away and train again"
            )
