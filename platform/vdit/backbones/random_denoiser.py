"""The control that asks whether it is the diffusion that helps: a U-Net that nobody trained, between the trained networks beside it.

Autoencoder, text tower, image tower and tokenizers are those of the checkpoint folder; the U-Net is that of `random`.
"""

from dataclasses import replace
from pathlib import Path

import torch

from vdit.backbones import miniature, random
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `modelscope.load` does, and OSError where the cache folder of `random` cannot be written."""
    drawn = random.load(config, folder, device).unet
    return replace(miniature.load(config, folder, device), unet=drawn)
