"""The random control of `stable_diffusion`, as `random` is that of `modelscope`: its architecture with weights nobody trained."""

from pathlib import Path

import torch

from vdit.backbones import random, stable_diffusion
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `stable_diffusion.load` does: the folder's sizes have to be those of `model.architecture`."""
    return random.control("stable-diffusion", stable_diffusion.load, config, folder, device)
