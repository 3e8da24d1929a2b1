"""The networks that VD-IT reads and never trains (Section 4.1; spec 1.11): autoencoder, U-Net, text and image towers, RoBERTa."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet3DConditionModel
    from open_clip.transformer import VisionTransformer
    from transformers import CLIPTextModel, CLIPTokenizer, RobertaModel, RobertaTokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Every network in eval mode, none with a gradient, all on one device.

    This is no nn.Module on purpose: a model that holds one neither trains nor saves it, and its `train()` leaves the
    dropout inside the U-Net's temporal convolutions and RoBERTa off (spec 11.2, B2).
    """

    unet: "UNet3DConditionModel"
    vae: "AutoencoderKL"
    text_encoder: "CLIPTextModel"
    tokenizer: "CLIPTokenizer"
    image_tower: "VisionTransformer"
    roberta: "RobertaModel"
    roberta_tokenizer: "RobertaTokenizer"
    alphas_cumprod: Tensor  # [steps] float64: the share of the signal that is left at each step
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]
    image_size: int

    def __post_init__(self) -> None:
        for network in self.networks().values():
            network.requires_grad_(False).eval()

    def networks(self) -> dict[str, nn.Module]:
        """By field name."""
        names = ("unet", "vae", "text_encoder", "image_tower", "roberta")
        return {name: getattr(self, name) for name in names}

    @property
    def device(self) -> torch.device:
        weight: Any = self.unet.conv_in.weight
        return torch.device(weight.device)
