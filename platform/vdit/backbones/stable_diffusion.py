"""Stable Diffusion as the backbone: a text-to-image U-Net that sees every frame alone, the control for what pretraining on video gives.

Source: the Hugging Face layout of `stable-diffusion-2-1` (unet/ vae/ text_encoder/ tokenizer/ scheduler/) as stable_diffusion/ of the
checkpoint folder, with image_tower/ and roberta/ beside it. Parameters: U-Net 866 M, the rest as for `modelscope`, whose sizes these are.
Licence of the weights: CreativeML Open RAIL++-M. Version 1 (U-Net 860 M, CLIP ViT-L/14 as text tower) has the sizes of the study
`stable_diffusion_1`.

Until a trained one is given, random weights of `model.backbone.seed` are written to the folder on first use, as by `miniature`.
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from vdit.backbones import miniature, modelscope
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import head_widths

OWN = "stable_diffusion"
build = partial(miniature.build, own=OWN, single_frames=True)


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """As `modelscope.load`; a `folder` that is not there is built first. Refuses random weights of another seed with ValueError."""
    miniature.provide(config, folder, build)
    return modelscope.around(unet(folder / OWN, config, device), config, folder / OWN, folder)


def unet(folder: Path, config: Model, device: torch.device) -> UNet2DConditionModel:
    path, sizes = folder / "unet/config.json", config.architecture.unet
    content = modelscope.of_class(path, UNet2DConditionModel)
    channels, heads = (modelscope.field(path, name) for name in ("block_out_channels", "attention_head_dim"))
    given = {**content, "attention_head_dim": widths(channels, heads)}
    modelscope.check(path, given, {**asdict(sizes), "attention_head_dim": head_widths(sizes)}, "unet")
    taken, latent = content.get("in_channels", 4), config.architecture.vae.latent_channels
    if taken != latent:
        raise ValueError(f"{path}: the U-Net takes {taken} channels, latents have {latent}; give a checkpoint that starts from text alone")
    empty = partial(UNet2DConditionModel.from_config, content)
    return modelscope.filled(empty, folder / "unet/diffusion_pytorch_model.safetensors", device, lambda name: (name,))


def widths(channels: list[int], heads: int | list[int]) -> tuple[int, ...]:
    """Of a head of each block. What this U-Net's files call attention_head_dim is the number of heads, of all blocks or of each."""
    counts = [heads] * len(channels) if isinstance(heads, int) else heads
    return tuple(width // count for width, count in zip(channels, counts, strict=False))
