"""The random control: VD-IT on the same architecture with weights nobody trained (random features; interface.md, "Random control").

U-Net, autoencoder, text tower and image tower are drawn from `model.backbone.seed` + 1. Tokenizers and RoBERTa, which serve the head,
stay those of the checkpoint folder (built as `miniature` does where it is not there): only the backbone differs from the arm beside it.

What is drawn is written once to `vdit/` of the user's cache folder and mapped from there, so that the workers of a machine share it.
"""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch

from vdit.backbones import miniature
from vdit.config.canonical import digest
from vdit.config.code import code_digest
from vdit.config.model import Backbone, Model
from vdit.lock import locked
from vdit.model.frozen import FrozenDiffusion

# What decides, beside architecture and seed, which numbers are drawn and how they lie in the folder.
CODE = ("backbones/miniature.py", "backbones/stable_diffusion.py", "model/autoencoder.py", "model/networks.py")
LIBRARIES = ("torch", "diffusers", "transformers", "open_clip_torch")
Loader = Callable[[Model, Path, torch.device], FrozenDiffusion]


def seed_of(backbone: Backbone) -> int:
    """One more than that of the seeded miniature, which would otherwise be the same weights."""
    return backbone.seed + 1


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Raises ValueError as `modelscope.load` does: the folder's sizes have to be those of `model.architecture`."""
    return control("modelscope", miniature.load, config, folder, device)


def control(kind: str, loader: Loader, config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """What `loader` reads from `folder`, with the backbone it draws for `seed_of`; `kind` names the drawn folder.

    Raises OSError where the cache folder cannot be written.
    """
    kept = loader(config, folder, torch.device("cpu"))
    other = replace(config, backbone=replace(config.backbone, seed=seed_of(config.backbone)))
    drawn = provided(loader, other, place(kind, other), device)
    return replace(
        kept,
        unet=drawn.unet,
        vae=drawn.vae,
        text_encoder=drawn.text_encoder,
        image_tower=drawn.image_tower,
        roberta=kept.roberta.to(device),
    )


def provided(loader: Loader, config: Model, drawn: Path, device: torch.device) -> FrozenDiffusion:
    """What `loader` reads from `drawn`, which it writes first where it is not there."""
    if drawn.exists():
        return loader(config, drawn, device)
    drawn.parent.mkdir(parents=True, exist_ok=True)
    # The workers of a study start together: one draws and the others wait, or each would hold and write a whole backbone.
    with drawn.with_name(f"{drawn.name}.lock").open("w") as file:
        locked(file.fileno(), math.inf)
        return loader(config, drawn, device)


def place(kind: str, config: Model) -> Path:
    """The folder of these random weights in `$XDG_CACHE_HOME/vdit`, or in `~/.cache/vdit` where that is unset or no absolute path."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    caches = given if given.is_absolute() else Path.home() / ".cache"
    sources = {"code": code_digest(CODE), "libraries": {library: version(library) for library in LIBRARIES}}
    drawn = {"architecture": config.architecture, "kind": kind, "seed": config.backbone.seed, **sources}
    return caches / "vdit" / f"random-{kind}-{digest(drawn)[:16]}"
