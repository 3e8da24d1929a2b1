"""Features of the released VD-IT from stock parts: whole networks of diffusers and transformers, images prepared by PIL (spec 1)."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W pixels, S side of the image tower's input, L words, P image tokens

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, Transformer2DModel, UNet3DConditionModel
from einops import rearrange
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from vdit.config import architecture
from vdit.config.model import Model, Prompt
from vdit.model import networks

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALE = 0.18215


@dataclass(frozen=True, slots=True)
class Clips:
    """What the released model is called with, and the one number it draws.

    `eps_NCHW` draws the latents from the autoencoder's posterior. `pixels_N3SS` is the image tower's input; None prepares it.
    """

    frames_BT3HW: Tensor  # ImageNet-normalised, zero-padded
    padding_BTHW: Tensor  # bool
    sizes_B2: Tensor  # unpadded height and width
    text_BL: Tensor  # CLIP's token ids
    words_BL: Tensor  # RoBERTa's token ids
    attention_BL: Tensor  # 1 on words, 0 on padding
    eps_NCHW: Tensor
    pixels_N3SS: Tensor | None = None


@contextmanager
def outputs_of(modules: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """A list that gets what the modules return, in the order they run; of a tuple, its first element."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Any) -> None:
        outputs.append(output[0] if isinstance(output, tuple) else output)

    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def one_prompt_a_frame(unet: UNet3DConditionModel, prompts_NLC: Tensor) -> Iterator[None]:
    """Gives the spatial transformers these prompts: the stock forward repeats one prompt a clip over its frames."""

    def replaced(module: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return given, {**named, "encoder_hidden_states": prompts_NLC}

    spatial = [module for module in unet.modules() if isinstance(module, Transformer2DModel)]
    handles = [module.register_forward_pre_hook(replaced, with_kwargs=True) for module in spatial]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class PromptAttention(nn.Module):
    """Words attend to the image tokens of a frame; a skip and a norm behind it."""

    def __init__(self, prompt: Prompt, width: int) -> None:
        super().__init__()
        inner = prompt.heads * prompt.head_dim
        self.heads = prompt.heads
        self.w_qs = nn.Linear(width, inner, bias=False)
        self.w_ks = nn.Linear(width, inner, bias=False)
        self.w_vs = nn.Linear(width, inner, bias=False)
        self.fc = nn.Linear(inner, width, bias=False)
        self.layer_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, words_NLC: Tensor, image_NPC: Tensor) -> Tensor:
        split = "n l (h d) -> n h l d"
        query = rearrange(self.w_qs(words_NLC), split, h=self.heads)
        key, value = (rearrange(linear(image_NPC), split, h=self.heads) for linear in (self.w_ks, self.w_vs))
        weights = (query / query.shape[-1] ** 0.5 @ key.transpose(-2, -1)).softmax(dim=-1)
        attended = rearrange(weights @ value, "n h l d -> n l (h d)")
        output: Tensor = self.layer_norm(self.fc(attended) + words_NLC)
        return output


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, inner)
        self.w_2 = nn.Linear(inner, width)
        self.layer_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer_norm(self.w_2(self.w_1(x).relu()) + x)
        return output


class ImageProjection(nn.Module):
    def __init__(self, image_width: int, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(image_width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, tokens_NPC: Tensor) -> Tensor:
        first = self.linear1(tokens_NPC)
        output: Tensor = self.linear2(first) + first
        return output


def adapter(channels: int, inner: int, output: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, inner, kernel_size=1), nn.Conv2d(inner, output, kernel_size=1))


def vision_config(image: architecture.ImageTower) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=image.width,
        intermediate_size=int(image.width * image.mlp_ratio),
        num_hidden_layers=image.layers,
        num_attention_heads=image.width // image.head_width,
        image_size=image.image_size,
        patch_size=image.patch_size,
        projection_dim=image.embed_dim,
        hidden_act="gelu",
    )


class Extractor(nn.Module):
    """Frozen networks and what is trained around them, under the released names. Clips need two frames or more.

    (With one, the released U-Net leaves its temporal layers out, which the stock one does not.)
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        sizes, width = model.architecture, model.pyramid.width
        text, latent = sizes.text.hidden_size, sizes.vae.latent_channels
        self.text_encoder = CLIPTextModel(networks.text_config(sizes.text))
        self.vae = AutoencoderKL(**networks.vae_config(sizes.vae))
        self.unet = networks.video_unet(sizes.unet)
        self.cv_model = CLIPVisionModelWithProjection(vision_config(sizes.image))
        self.requires_grad_(False)
        self.cross_attn = nn.ModuleDict(
            {"cros_attn": PromptAttention(model.prompt, text), "pos_ffn": FeedForward(text, model.prompt.feedforward)}
        )
        self.projection = ImageProjection(sizes.image.width, text)
        self.noise_pred = nn.Conv2d(latent, latent, kernel_size=3, padding=1)
        mixing = [nn.Linear(latent, latent, bias=False) for _ in range(2)]
        self.noise_fc = nn.Sequential(mixing[0], nn.ReLU(), mixing[1], nn.Sigmoid())
        a, b, c, d = sizes.unet.block_out_channels
        self.act_1_postprocess = adapter(sizes.vae.block_out_channels[2], 2 * width, width)
        self.act_2_postprocess = adapter(a + b, 4 * width, 2 * width)
        self.act_3_postprocess = adapter(a + c, 8 * width, 4 * width)
        self.act_4_postprocess = adapter(b + d, 8 * width, 8 * width)
        adapters = (self.act_1_postprocess, self.act_2_postprocess, self.act_3_postprocess, self.act_4_postprocess)
        self.act_postprocess = nn.ModuleList(adapters)
        side = sizes.image.image_size
        self.processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        self.scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)

    def forward(self, clips: Clips) -> list[Tensor]:
        """Levels of stride 4, 8, 16 and 32, each [N, C, H/s, W/s]."""
        count, length = clips.frames_BT3HW.shape[:2]
        if length < 2:
            raise ValueError(f"clips have {length} frame; the stock U-Net computes the released features for 2 or more")
        frames_N3HW = rearrange(clips.frames_BT3HW, "b t c h w -> (b t) c h w")
        mean, std = (frames_N3HW.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        pixels_N3HW = 2 * (frames_N3HW * std + mean) - 1
        words_NLC = self.text_encoder(clips.text_BL).last_hidden_state.repeat_interleave(length, dim=0)
        prepared = self.prepare(pixels_N3HW) if clips.pixels_N3SS is None else clips.pixels_N3SS
        image_NPC = self.projection(self.cv_model(prepared).last_hidden_state)
        prompts_NLC = self.cross_attn["pos_ffn"](self.cross_attn["cros_attn"](words_NLC, image_NPC))
        with outputs_of([self.vae.encoder.down_blocks[2].resnets[-1]]) as seen:
            posterior = self.vae.encode(pixels_N3HW).latent_dist
        latents_NCHW = (posterior.mean + posterior.std * clips.eps_NCHW) * SCALE
        steps_B = torch.zeros(count, dtype=torch.long, device=latents_NCHW.device)
        join = "(b t) c h w -> b c t h w"
        latents, noise = rearrange(latents_NCHW, join, b=count), rearrange(self.noise(latents_NCHW), join, b=count)
        s0, d0, d1, u0, u1, u2 = self.side_outputs(self.scheduler.add_noise(latents, noise, steps_B), steps_B, prompts_NLC)
        joined = [seen[0], torch.cat([s0, u2], dim=1), torch.cat([d0, u1], dim=1), torch.cat([d1, u0], dim=1)]
        return [adapt(x) for adapt, x in zip(self.act_postprocess, joined, strict=True)]

    def prepare(self, pixels_N3HW: Tensor) -> Tensor:
        """The image tower's input, frame by frame through PIL; grey levels are truncated."""
        levels_NHW3 = rearrange((pixels_N3HW + 1) * 127.5, "n c h w -> n h w c").to(torch.uint8).cpu().numpy()
        prepared = self.processor([Image.fromarray(levels) for levels in levels_NHW3], return_tensors="pt")
        return torch.as_tensor(prepared["pixel_values"]).to(pixels_N3HW.device)

    def noise(self, latents_NCHW: Tensor) -> Tensor:
        mixed_NHWC = self.noise_fc(rearrange(self.noise_pred(latents_NCHW), "n c h w -> n h w c"))
        return rearrange((mixed_NHWC - mixed_NHWC.mean()) / (mixed_NHWC.std() + 1e-5), "n h w c -> n c h w")

    def side_outputs(self, noisy_BCTHW: Tensor, steps_B: Tensor, prompts_NLC: Tensor) -> list[Tensor]:
        """What is read of the whole U-Net: behind its input transformer, two `down` and three `up` blocks."""
        unet = self.unet
        read = [unet.transformer_in, *unet.down_blocks[:2], *unet.up_blocks[:3]]
        with outputs_of(read) as outputs, one_prompt_a_frame(unet, prompts_NLC):
            unet(noisy_BCTHW, steps_B, encoder_hidden_states=prompts_NLC[: len(steps_B)])
        return outputs
