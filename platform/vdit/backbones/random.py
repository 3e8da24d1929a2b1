"""The random control: VD-IT on the same architecture with weights nobody trained (random features; interface.md, "Random control").

U-Net, autoencoder, text tower and image tower are drawn from `model.backbone.seed` + 1. Tokenizers and RoBERTa, which serve the head,
stay those of the checkpoint folder (built as `miniature` does where it is not there): only the backbone differs from the arm beside it.
"""

from dataclasses import replace
from pathlib import Path

import torch

from vdit.backbones import miniature, modelscope
from vdit.config.model import Backbone, Model
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import seeded


def seed_of(backbone: Backbone) -> int:
    """One more than that of the seeded miniature, which would otherwise be the same weights."""
    return backbone.seed + 1


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `modelscope.load` does: the folder's sizes have to be those of `model.architecture`."""
    read = miniature.load if not folder.exists() or (folder / modelscope.CARD).exists() else modelscope.load
    kept = read(config, folder, torch.device("cpu"))
    drawn = seeded(config.architecture, seed_of(config.backbone))
    return replace(
        kept,
        unet=drawn.unet.to(device),
        vae=drawn.vae.to(device),
        text_encoder=drawn.text_encoder.to(device),
        image_tower=drawn.image.visual.to(device),
        roberta=kept.roberta.to(device),
    )


def notice(config: Model, folder: Path) -> str:
    """A control only beside a trained backbone; beside another random one it is a second draw."""
    seed = seed_of(config.backbone)
    if folder.exists() and modelscope.drawn_from(folder) is None:
        return f"random weights, seed {seed}: the control of the pretrained backbone"
    return f"random weights, seed {seed}: a second draw, not a control, since no backbone beside it is pretrained"
