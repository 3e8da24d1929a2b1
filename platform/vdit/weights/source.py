"""Checkpoint files as others wrote them: tensors by name, read where they lie, and nothing in them is run."""

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

# File names of diffusers and transformers, best first.
DIFFUSERS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
TRANSFORMERS = ("model.safetensors", "pytorch_model.bin")
DISTRIBUTED = "module."  # what DistributedDataParallel puts before every name
_GLOBAL = re.compile(r"GLOBAL (\S+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tensors of a file; on their way to another file they stay in this one, mapped (but for files older than torch 1.6)."""

    path: Path
    tensors: Mapping[str, Tensor]


def read(path: Path) -> Checkpoint:
    """A .safetensors file, or one of `torch.save`: a state dict, or a training script's dict with the state dict as `model`.

    Raises ValueError naming the file where it is damaged or something else, and naming the object where one is pickled that is not a
    tensor, a plain value or an argparse.Namespace.
    """
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    state = content.get("model", content)
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f"{path}: 'model' is no state dict but {type(state).__name__}; give a checkpoint with named tensors")
    strange = [str(key) for key, value in state.items() if not isinstance(value, Tensor)]
    if strange:
        raise ValueError(
            f"{path}: {listed(strange)} of a state dict is no tensor; give the checkpoint as it was published, or its state dict alone"
        )
    return Checkpoint(path, {key: value.detach() for key, value in _plain(state).items()})


def first_of(folder: Path, names: tuple[str, ...]) -> Path:
    """The first of the files that the folder has. Raises ValueError naming all, and those of half precision that it has instead."""
    for name in names:
        if (folder / name).exists():
            return folder / name
    half = sorted(path.name for path in folder.glob("*.fp16.*"))
    instead = f", only {half[0]} in half precision, which VD-IT was not trained on" if half else ""
    raise ValueError(f"{folder} has none of {', '.join(names)}{instead}; fetch one of them (docs/weights.md)")


def listed(words: list[str], most: int = 8) -> str:
    """The first of many words."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _plain(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if all(key.startswith(DISTRIBUTED) for key in state):
        return {key.removeprefix(DISTRIBUTED): tensor for key, tensor in state.items()}
    return state


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); fetch it again") from error


def _pickled(path: Path) -> dict[str, Any]:
    """What `torch.load` makes of it with no more than tensors, plain values and the arguments of a training script allowed."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            # Only the zip archives that torch writes since 1.6 can be mapped.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        refused = _GLOBAL.search(str(error))
        if refused is None:
            raise ValueError(f"{path} is no checkpoint of torch.save, or damaged; fetch it again") from error
        raise ValueError(
            f"{path} holds a pickled {refused[1]}, which is not loaded: unpickling it could run any code; "
            "ask its author for the state dict alone, torch.save(model.state_dict(), ...)"
        ) from error
    except (RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({str(error).split('. ')[0]}); fetch it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a state dict, or a dict with one as 'model'")
    return content
