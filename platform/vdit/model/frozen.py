"""The networks that are read and never trained (Section 4.1; spec 1.11): RoBERTa always, the rest by backbone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vdit.model.blocks import spare

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from open_clip.transformer import VisionTransformer
    from transformers import CLIPTextModel, CLIPTokenizer, RobertaModel, RobertaTokenizer

    from vdit.model.diffusion import UNet


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frozen:
    """The words of the queries, which every backbone needs. Every network in eval mode, none with a gradient, all on one device.

    This is no nn.Module on purpose: a model that holds one neither trains nor saves it, and its `train()` leaves the
    dropout inside the U-Net's temporal convolutions and RoBERTa off (spec 11.2, B2).
    """

    roberta: "RobertaModel"
    roberta_tokenizer: "RobertaTokenizer"

    def __post_init__(self) -> None:
        for network in self.networks().values():
            network.requires_grad_(False).eval()

    def networks(self) -> dict[str, nn.Module]:
        """By field name."""
        return {"roberta": self.roberta}

    @property
    def device(self) -> torch.device:
        weight: Any = self.roberta.embeddings.word_embeddings.weight
        return torch.device(weight.device)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrozenDiffusion(Frozen):
    """A latent diffusion model with its autoencoder and text tower, and the image tower of the prompt."""

    unet: "UNet"
    vae: "AutoencoderKL"
    text_encoder: "CLIPTextModel"
    tokenizer: "CLIPTokenizer"
    image_tower: "VisionTransformer"
    alphas_cumprod: Tensor  # [steps] float64: the share of the signal that is left at each step
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]
    image_size: int

    def __post_init__(self) -> None:
        # Not `super()`: a dataclass with slots is another class than the one whose body this is.
        Frozen.__post_init__(self)
        for name, module in self.unet.named_modules():
            over_time = name.endswith("proj_in") and ("temp_attentions" in name or name.startswith("transformer_in"))
            # A network that is handed on to another of these has the hook already.
            if over_time and _in_one_piece not in module._forward_pre_hooks.values():
                module.register_forward_pre_hook(_in_one_piece)
        spare(self.unet)

    def networks(self) -> dict[str, nn.Module]:
        """By field name."""
        names = ("unet", "vae", "text_encoder", "image_tower", "roberta")
        return {name: getattr(self, name) for name in names}


def _in_one_piece(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """Temporal attention hands on a transposed view, which a linear layer would multiply cell by cell: thousands of tiny products."""
    return (inputs[0].contiguous(),)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SwinStart(Frozen):
    """What a trial on Video Swin starts from: the pretrained weights of the backbone, which is then trained (spec section 9)."""

    swin: Mapping[str, Tensor]  # torchvision's names
