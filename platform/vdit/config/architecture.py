"""Sizes of the backbones' networks, under the names their libraries use (diffusers, transformers, open_clip, torchvision).

The defaults are the published ones: text-to-video-ms-1.7b, CLIP ViT-H/14, RoBERTa-base and Video-Swin-B. Those of text-to-video-ms-1.7b
are Stable Diffusion 2's too.
"""

from pydantic.dataclasses import dataclass

from vdit.config.strict import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class UNet:
    """diffusers' UNet3DConditionModel, or its UNet2DConditionModel for single frames.

    `attention_head_dim` is the width of a head, in every block or, for single frames, block by block. (The files of UNet2DConditionModel
    have the number of heads under this name.) `sample_size` is the side of what a pipeline draws: no tensor depends on it.
    """

    block_out_channels: tuple[int, int, int, int] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    cross_attention_dim: int = 1024
    attention_head_dim: int | tuple[int, int, int, int] = 64
    norm_num_groups: int = 32
    sample_size: int = 32


@dataclass(frozen=True, kw_only=True, config=STRICT)
class VAE:
    """diffusers' AutoencoderKL; four blocks, so that a latent cell covers 8x8 pixels."""

    block_out_channels: tuple[int, int, int, int] = (128, 256, 512, 512)
    layers_per_block: int = 2
    latent_channels: int = 4
    norm_num_groups: int = 32
    sample_size: int = 512
    scaling_factor: float = 0.18215


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TextTower:
    """transformers' CLIPTextModel: the text encoder of the diffusion model; `pad_token` is what texts were padded with in training."""

    vocab_size: int = 49408
    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 23
    num_attention_heads: int = 16
    max_position_embeddings: int = 77
    hidden_act: str = "gelu"
    pad_token: str = "!"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ImageTower:
    """open_clip's vision transformer: the image tokens of the prompt. `embed_dim` is the joint space (not used for tokens)."""

    image_size: int = 224
    patch_size: int = 14
    width: int = 1280
    layers: int = 32
    head_width: int = 80
    mlp_ratio: float = 4.0
    embed_dim: int = 1024


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Roberta:
    """transformers' RobertaModel: the words of the queries."""

    vocab_size: int = 50265
    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    max_position_embeddings: int = 514
    type_vocab_size: int = 1
    layer_norm_eps: float = 1e-5


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Swin:
    """torchvision's SwinTransformer3d with patches of one frame, which is trained: Video-Swin-B.

    Video-Swin-T is embed_dim 96, depths (2, 2, 6, 2), num_heads (3, 6, 12, 24). `window` is frames, rows, columns; `stochastic_depth` the
    probability that the last block is skipped in training, that of the others grows up to it.
    """

    embed_dim: int = 128
    depths: tuple[int, int, int, int] = (2, 2, 18, 2)
    num_heads: tuple[int, int, int, int] = (4, 8, 16, 32)
    window: tuple[int, int, int] = (8, 7, 7)
    stochastic_depth: float = 0.2


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Architecture:
    """All networks that are not the head's: the frozen ones of VD-IT, and Video Swin."""

    unet: UNet = UNet()
    vae: VAE = VAE()
    text: TextTower = TextTower()
    image: ImageTower = ImageTower()
    roberta: Roberta = Roberta()
    swin: Swin = Swin()
