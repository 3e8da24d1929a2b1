"""The frozen networks with random weights, from their sizes alone: the miniature's start and the random control (issues A and E)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel, UNet3DConditionModel
from open_clip import CLIP
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, RobertaConfig, RobertaModel

from vdit.config import architecture as sizes
from vdit.model.autoencoder import encode

if TYPE_CHECKING:
    from vdit.model.diffusion import UNet

BLOCKS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """`image` is a whole CLIP with a token text tower, so that open_clip itself can load what is saved of it."""

    unet: "UNet"
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    image: CLIP
    roberta: RobertaModel


def seeded(architecture: sizes.Architecture, seed: int, single_frames: bool = False) -> Networks:
    """Each network drawn from `seed` as its library initialises it; the global generator stays where it was.

    The U-Net is that for video, or that for `single_frames`. Latents are standardised on drawn frames (folded into the autoencoder's
    convolutions): otherwise their spread, and with it how much the noise of a step hides, would be an accident of the seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        drawn = Networks(
            unet=image_unet(architecture.unet) if single_frames else video_unet(architecture.unet),
            vae=AutoencoderKL(**vae_config(architecture.vae)),
            text_encoder=CLIPTextModel(text_config(architecture.text)),
            image=CLIP(**clip_config(architecture.image)),
            roberta=RobertaModel(roberta_config(architecture.roberta), add_pooling_layer=False),
        )
        standardise_latents(drawn.vae, architecture.vae.scaling_factor, drawn_frames(8))
    return drawn


def drawn_frames(count: int) -> Tensor:
    """[count, 3, 64, 96] smooth colours within [-1, 1]."""
    return functional.interpolate(torch.randn(count, 3, 8, 12), size=(64, 96), mode="bicubic", align_corners=False).clamp(-1, 1)


@torch.no_grad()
def standardise_latents(vae: AutoencoderKL, scaling_factor: float, frames_N3HW: Tensor) -> None:
    """Changes `vae` so that the scaled posterior mean of `frames_N3HW` has mean 0 and spread 1 in each channel."""
    mean_NCHW = encode(vae, frames_N3HW).mean_NCHW
    standardise(vae, mean_NCHW.mean(dim=(0, 2, 3)), mean_NCHW.std(dim=(0, 2, 3)), 1 / scaling_factor)


@torch.no_grad()
def standardise(vae: AutoencoderKL, mean_C: Tensor, spread_C: Tensor, spread: float) -> None:
    """Gives latents of this mean and spread mean 0 and `spread`, and tells the decoder: what is decoded stays what it was.

    Mean and spread of the posterior change by the same affine map, folded into the 1x1 convolutions on both sides.
    """
    factor_C, channels = spread / spread_C, len(mean_C)
    into, out_of = vae.quant_conv, vae.post_quant_conv
    out_of.bias.add_(out_of.weight[:, :, 0, 0] @ mean_C)
    out_of.weight.div_(factor_C[None, :, None, None])
    into.bias[:channels].sub_(mean_C).mul_(factor_C)
    into.weight[:channels].mul_(factor_C[:, None, None, None])
    into.bias[channels:].add_(2 * factor_C.log())


def forward_process(prediction: str = "epsilon") -> DDPMScheduler:
    """Of Stable Diffusion and ModelScope: 1,000 steps; `prediction` is what the U-Net says, in the words of diffusers."""
    return DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, num_train_timesteps=1000, prediction_type=prediction
    )


def video_unet(unet: sizes.UNet) -> UNet3DConditionModel:
    if not isinstance(unet.attention_head_dim, int):
        raise ValueError(
            f"model.architecture.unet.attention_head_dim is {unet.attention_head_dim}; the U-Net for video has heads of one width, "
            "give one number"
        )
    return UNet3DConditionModel(**unet_config(unet), attention_head_dim=unet.attention_head_dim)


def image_unet(unet: sizes.UNet) -> UNet2DConditionModel:
    """As Stable Diffusion 2 has it. (Version 1 has 1x1 convolutions for the linear projections, which is the same function.)"""
    return UNet2DConditionModel(**unet_config(unet), attention_head_dim=heads(unet), use_linear_projection=True)


def unet_config(unet: sizes.UNet) -> dict[str, object]:
    """What both kinds have under the same names."""
    return {
        "block_out_channels": list(unet.block_out_channels),
        "layers_per_block": unet.layers_per_block,
        "cross_attention_dim": unet.cross_attention_dim,
        "norm_num_groups": unet.norm_num_groups,
        "sample_size": unet.sample_size,
    }


def heads(unet: sizes.UNet) -> list[int]:
    """How many heads each block has. Raises ValueError where their width does not divide its channels."""
    blocks = tuple(zip(unet.block_out_channels, head_widths(unet), strict=True))
    if any(channels % width for channels, width in blocks):
        raise ValueError(
            f"model.architecture.unet.attention_head_dim is {unet.attention_head_dim}, block_out_channels are {unet.block_out_channels}; "
            "choose widths of a head that divide the channels of their blocks"
        )
    return [channels // width for channels, width in blocks]


def head_widths(unet: sizes.UNet) -> tuple[int, ...]:
    """Of each block."""
    width = unet.attention_head_dim
    return (width,) * BLOCKS if isinstance(width, int) else width


def vae_config(vae: sizes.VAE) -> dict[str, object]:
    return {
        "block_out_channels": list(vae.block_out_channels),
        "down_block_types": ["DownEncoderBlock2D"] * BLOCKS,
        "up_block_types": ["UpDecoderBlock2D"] * BLOCKS,
        "layers_per_block": vae.layers_per_block,
        "latent_channels": vae.latent_channels,
        "norm_num_groups": vae.norm_num_groups,
        "sample_size": vae.sample_size,
        "scaling_factor": vae.scaling_factor,
    }


def text_config(text: sizes.TextTower) -> CLIPTextConfig:
    """Start and end of a text are the last two entries of the vocabulary, as in CLIP's."""
    return CLIPTextConfig(
        vocab_size=text.vocab_size,
        hidden_size=text.hidden_size,
        intermediate_size=text.intermediate_size,
        num_hidden_layers=text.num_hidden_layers,
        num_attention_heads=text.num_attention_heads,
        max_position_embeddings=text.max_position_embeddings,
        hidden_act=text.hidden_act,
        projection_dim=text.hidden_size,
        pad_token_id=0,
        bos_token_id=text.vocab_size - 2,
        eos_token_id=text.vocab_size - 1,
    )


def clip_config(image: sizes.ImageTower) -> dict[str, object]:
    """The `model_cfg` of open_clip: the image tower, and the least text tower it accepts."""
    vision = {
        "image_size": image.image_size,
        "patch_size": image.patch_size,
        "width": image.width,
        "layers": image.layers,
        "head_width": image.head_width,
        "mlp_ratio": image.mlp_ratio,
    }
    return {
        "embed_dim": image.embed_dim,
        "vision_cfg": vision,
        "text_cfg": {"context_length": 8, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1},
    }


def roberta_config(roberta: sizes.Roberta) -> RobertaConfig:
    return RobertaConfig(
        vocab_size=roberta.vocab_size,
        hidden_size=roberta.hidden_size,
        intermediate_size=roberta.intermediate_size,
        num_hidden_layers=roberta.num_hidden_layers,
        num_attention_heads=roberta.num_attention_heads,
        max_position_embeddings=roberta.max_position_embeddings,
        type_vocab_size=roberta.type_vocab_size,
        layer_norm_eps=roberta.layer_norm_eps,
    )
