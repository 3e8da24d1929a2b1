"""The random control of `stable_diffusion`, as `random` is that of `modelscope`: its architecture with weights nobody trained."""

from pathlib import Path

import torch

from vdit.backbones import random, stable_diffusion
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import seeded


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `stable_diffusion.load` does: the folder's sizes have to be those of `model.architecture`."""
    kept = stable_diffusion.load(config, folder, torch.device("cpu"))
    return random.redrawn(kept, seeded(config.architecture, random.seed_of(config.backbone), single_frames=True), device)
