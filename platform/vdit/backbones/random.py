"""The random control: VD-IT on the same architecture with weights nobody trained (random features; interface.md, "Random control").

U-Net, autoencoder, text tower and image tower are drawn from `model.backbone.seed` + 1. Tokenizers and RoBERTa, which serve the head,
stay those of the checkpoint folder (built as `miniature` does where it is not there): only the backbone differs from the arm beside it.
"""

from dataclasses import replace
from pathlib import Path

import torch

from vdit.backbones import miniature
from vdit.config.model import Backbone, Model
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import Networks, seeded


def seed_of(backbone: Backbone) -> int:
    """One more than that of the seeded miniature, which would otherwise be the same weights."""
    return backbone.seed + 1


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `modelscope.load` does: the folder's sizes have to be those of `model.architecture`."""
    kept = miniature.load(config, folder, torch.device("cpu"))
    return redrawn(kept, seeded(config.architecture, seed_of(config.backbone)), device)


def redrawn(kept: FrozenDiffusion, drawn: Networks, device: torch.device) -> FrozenDiffusion:
    """`kept` with the weights of `drawn`, but for RoBERTa."""
    return replace(
        kept,
        unet=drawn.unet.to(device),
        vae=drawn.vae.to(device),
        text_encoder=drawn.text_encoder.to(device),
        image_tower=drawn.image.visual.to(device),
        roberta=kept.roberta.to(device),
    )
