"""The published sizes in both forms on the meta device, where nothing is computed and every operation can be counted."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL
from open_clip import CLIP
from torch import nn
from transformers import CLIPTextModel, RobertaModel
from yardstick.extractor import Clips
from yardstick.mid import assembled
from yardstick.released import Released

from vdit.config.model import Model
from vdit.model import networks
from vdit.model.batch import Batch, Targets
from vdit.model.encode import Encoded
from vdit.model.vdit import VDIT

MODEL = Model()
CAPTION = "a red circle moving left"
FRAMES, HEIGHT, WIDTH = 5, 384, 640  # a training clip: 360x640 padded
CELL = 8  # pixels a side of a latent cell
META = torch.device("meta")


def released() -> Released:
    with META:
        yardstick = Released(MODEL)
    without_mask(yardstick.text_encoder["text_backbone"])
    return yardstick


def ours() -> VDIT:
    sizes = MODEL.architecture
    with META:
        drawn = networks.Networks(
            unet=networks.video_unet(sizes.unet),
            vae=AutoencoderKL(**networks.vae_config(sizes.vae)),
            text_encoder=CLIPTextModel(networks.text_config(sizes.text)),
            image=CLIP(**networks.clip_config(sizes.image)),
            roberta=RobertaModel(networks.roberta_config(sizes.roberta), add_pooling_layer=False),
        )
    frozen = assembled(drawn, sizes)  # outside: the shares of signal are numbers that are asked for
    with META:
        model = VDIT(MODEL, frozen, seed=0).eval()
    without_mask(drawn.roberta)
    return model


def without_mask(roberta: nn.Module) -> None:
    """RoBERTa asks what its mask holds, which no meta tensor can say; no word is padding here."""

    def dropped(module: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return given, {**named, "attention_mask": None}

    roberta.register_forward_pre_hook(dropped, with_kwargs=True)


def batch() -> Batch:
    shape = (1, FRAMES, HEIGHT, WIDTH)
    with META:
        return Batch(
            frames_BT3HW=torch.zeros(1, FRAMES, 3, HEIGHT, WIDTH),
            padding_BTHW=torch.zeros(shape, dtype=torch.bool),
            sizes_B2=torch.zeros(1, 2, dtype=torch.int64),
            captions=(CAPTION,),
            noise_seeds=(0,),
            targets=Targets(torch.zeros(shape, dtype=torch.bool), torch.zeros(1, FRAMES, 4), torch.ones(1, FRAMES, dtype=torch.bool)),
        )


def encoded() -> Encoded:
    """Latents, 4x map and image tokens, as if stored."""
    sizes = MODEL.architecture
    patches = (sizes.image.image_size // sizes.image.patch_size) ** 2
    with META:
        return Encoded(
            latents_BTCHW=torch.zeros(1, FRAMES, sizes.vae.latent_channels, HEIGHT // CELL, WIDTH // CELL),
            map4_NCHW=torch.zeros(FRAMES, sizes.vae.block_out_channels[2], HEIGHT // 4, WIDTH // 4),
            tokens_NPC=torch.zeros(FRAMES, 1 + patches, sizes.image.width),
        )


def clips(batch: Batch, model: VDIT) -> Clips:
    """The image tower's input is given: PIL does not prepare meta tensors, and none of it is counted."""
    sizes = MODEL.architecture
    words = model.frozen.roberta_tokenizer([CAPTION], return_tensors="pt").to(META)
    with META:
        return Clips(
            frames_BT3HW=batch.frames_BT3HW,
            padding_BTHW=batch.padding_BTHW,
            sizes_B2=batch.sizes_B2,
            text_BL=torch.zeros(1, sizes.text.max_position_embeddings, dtype=torch.int64),
            words_BL=words.input_ids,
            attention_BL=words.attention_mask,
            eps_NCHW=torch.zeros(FRAMES, sizes.vae.latent_channels, HEIGHT // CELL, WIDTH // CELL),
            pixels_N3SS=torch.zeros(FRAMES, 3, sizes.image.image_size, sizes.image.image_size),
        )
