"""A model of middle size in both forms, the released composition and this project's, with the same random weights.

U-Net (64, 128, 256, 256) with prompts 256 wide and 16 channels a head (nearly as many heads as published, and an input transformer that is
twice as wide as its map, published 1.6 times); autoencoder (32, 64, 128, 128); image tower of 8 layers, 320 wide, 224 pixels; text tower
and RoBERTa of 6 layers, 256 wide, with 4 heads and the miniature's tokenizers of 1024 tokens; prompt attention of 4 heads with 128 behind
it (half the width, as published); the published head: 256 wide, feed-forward 2048, pyramid 128 to 1024.
"""

from typing import Any

import torch
from diffusers import DDPMScheduler
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor, nn
from yardstick.extractor import SCALE, Clips
from yardstick.released import Released
from yardstick.transformer import DeformableAttention

from vdit.config.architecture import VAE, Architecture, ImageTower, Roberta, TextTower, UNet
from vdit.config.model import Encode, Model, Prompt
from vdit.model import networks
from vdit.model.batch import Batch, Targets
from vdit.model.collate import MEAN, STD, channels
from vdit.model.encode import Encoded
from vdit.model.frozen import FrozenDiffusion
from vdit.model.released import features_state, frozen_states
from vdit.model.released_head import head_state
from vdit.model.tokenizers import clip_style, roberta_style
from vdit.model.vdit import VDIT

VOCABULARY = 1024
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
}
MODEL = Model(
    architecture=Architecture(
        unet=UNet(block_out_channels=(64, 128, 256, 256), cross_attention_dim=256, attention_head_dim=16),
        vae=VAE(block_out_channels=(32, 64, 128, 128)),
        text=TextTower(**SMALL),
        image=ImageTower(width=320, layers=8, embed_dim=256),
        roberta=Roberta(**SMALL),
    ),
    prompt=Prompt(heads=4, feedforward=128),
    # Grey levels and their resizing as released, so that both forms see the same; latents of both are the posterior's mean.
    encode=Encode(cast="truncate", resize="pil"),
)
EXPRESSIONS = ("a red circle moving left", "the large star on top", "a white ring in the background", "the small shape that stays still")


def released(model: Model, seed: int) -> Released:
    """Random weights, but latents of spread 1, and sampling points some pixels apart instead of all in one place."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yardstick = Released(model)
        networks.standardise_latents(yardstick.extractor().vae, SCALE, networks.drawn_frames(8))
        for module in yardstick.modules():
            if isinstance(module, DeformableAttention):
                nn.init.normal_(module.sampling_offsets.bias, std=2)
    return yardstick


def ours(model: Model, seed: int) -> VDIT:
    """With weights of its own, in eval mode."""
    return VDIT(model, assembled(networks.seeded(model.architecture, seed), model.architecture), seed).eval()


def assembled(drawn: networks.Networks, sizes: Architecture) -> FrozenDiffusion:
    """As a checkpoint is loaded: without the autoencoder's decoder."""
    drawn.vae.decoder = drawn.vae.post_quant_conv = None
    return FrozenDiffusion(
        unet=drawn.unet,
        vae=drawn.vae,
        text_encoder=drawn.text_encoder,
        image_tower=drawn.image.visual,
        roberta=drawn.roberta,
        tokenizer=clip_style(sizes.text.vocab_size, sizes.text.max_position_embeddings, sizes.text.pad_token),
        roberta_tokenizer=roberta_style(sizes.roberta.vocab_size),
        alphas_cumprod=DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012).alphas_cumprod.double(),
        image_mean=OPENAI_DATASET_MEAN,
        image_std=OPENAI_DATASET_STD,
        image_size=sizes.image.image_size,
    )


def fill(model: VDIT, state: dict[str, Tensor]) -> None:
    """Gives our form the weights of a released state dict."""
    for name, part in frozen_states(state).items():
        encoder = {key: tensor for key, tensor in part.items() if not key.startswith(("decoder.", "post_quant_conv."))}
        model.frozen.networks()[name].load_state_dict(part if name != "vae" else encoder)
    model.features.load_state_dict(features_state(state))
    model.head.load_state_dict(head_state(state))


def batch(caption: str, frames: int, height: int, width: int) -> Batch:
    """One clip of smooth colours with a strip of padding at two sides and a square target that moves."""
    inner = (height - 8, width - 12)
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(frames, 3, inner[0] // 8, inner[1] // 8, generator=generator)
    shares_T3HW = nn.functional.interpolate(coarse, size=inner, mode="bilinear")
    frames_T3HW = torch.zeros(frames, 3, height, width)
    frames_T3HW[..., : inner[0], : inner[1]] = (shares_T3HW - channels(MEAN, shares_T3HW)) / channels(STD, shares_T3HW)
    padding_THW = torch.ones(frames, height, width, dtype=torch.bool)
    padding_THW[:, : inner[0], : inner[1]] = False
    masks_THW = torch.zeros(frames, height, width, dtype=torch.bool)
    boxes = []
    for frame in range(frames):
        left, top, side = 40 + 10 * frame, 60, 80
        masks_THW[frame, top : top + side, left : left + side] = True
        boxes.append([(left + side / 2) / inner[1], (top + side / 2) / inner[0], side / inner[1], side / inner[0]])
    return Batch(
        frames_BT3HW=frames_T3HW[None],
        padding_BTHW=padding_THW[None],
        sizes_B2=torch.tensor([inner]),
        captions=(caption,),
        noise_seeds=(0,),
        targets=Targets(masks_THW[None], torch.tensor([boxes]), torch.ones(1, frames, dtype=torch.bool)),
    )


def unseen(batch: Batch) -> Encoded:
    """Noise in the place of what the frozen networks see."""
    sizes = MODEL.architecture
    count, length, _, height, width = batch.frames_BT3HW.shape
    patches = (sizes.image.image_size // sizes.image.patch_size) ** 2
    return Encoded(
        latents_BTCHW=torch.randn(count, length, sizes.vae.latent_channels, height // 8, width // 8),
        map4_NCHW=torch.randn(count * length, sizes.vae.block_out_channels[2], height // 4, width // 4),
        tokens_NPC=torch.randn(count * length, 1 + patches, sizes.image.width),
    )


def clips(batch: Batch) -> Clips:
    """The same input for the released form."""
    sizes = MODEL.architecture.text
    tokenizer = clip_style(sizes.vocab_size, sizes.max_position_embeddings, sizes.pad_token)
    text = tokenizer(list(batch.captions), padding="max_length", return_tensors="pt")
    words = roberta_style(VOCABULARY)(list(batch.captions), padding="longest", return_tensors="pt")
    count, length, _, height, width = batch.frames_BT3HW.shape
    return Clips(
        frames_BT3HW=batch.frames_BT3HW,
        padding_BTHW=batch.padding_BTHW,
        sizes_B2=batch.sizes_B2,
        text_BL=text.input_ids,
        words_BL=words.input_ids,
        attention_BL=words.attention_mask,
        eps_NCHW=torch.zeros(count * length, 4, height // 8, width // 8),
    )
