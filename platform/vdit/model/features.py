"""Video diffusion features F_v: frozen text-to-video U-Net under a learned prompt and learned noise (Section 4.1, left of Figure 2)."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W pixels

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from vdit.config import model as config
from vdit.model import autoencoder, noise, tokens
from vdit.model.batch import Batch, Levels
from vdit.model.collate import MEAN, STD, channels
from vdit.model.diffusion import noised, side_outputs
from vdit.model.frozen import FrozenDiffusion
from vdit.model.fusion import nearest
from vdit.model.prompt import Prompt
from vdit.model.taps import Pyramid
from vdit.model.words import text_embedding, token_ids


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the frozen networks see in clips, whatever is said about them: one `Encoded` serves all expressions of a video.

    `latents_BTCHW` are scaled and float32. `tokens_NPC` is None where the prompt is the text alone.
    """

    latents_BTCHW: Tensor
    map4_NCHW: Tensor
    tokens_NPC: Tensor | None


class VideoDiffusionFeatures(nn.Module):
    """Trained here: the prompt's projections, the noise predictor, the adapters of the pyramid. `frozen` is read and not owned.

    Where nothing trained lies upstream of the U-Net (text prompt, gaussian noise) autograd records none of it.
    """

    def __init__(self, model: config.Model, frozen: FrozenDiffusion) -> None:
        super().__init__()
        sizes = model.architecture
        if sizes.text.hidden_size != sizes.unet.cross_attention_dim:
            raise ValueError(
                f"model.architecture: the text tower is {sizes.text.hidden_size} wide, the U-Net's cross_attention_dim "
                f"{sizes.unet.cross_attention_dim}; a prompt needs one width"
            )
        self.model = model
        self.frozen = frozen
        self.prompt = Prompt(model.prompt, sizes.text.hidden_size, sizes.image.width)
        self.noise = noise.PredictedNoise(sizes.vae.latent_channels) if model.noise.kind == "predicted" else None
        self.pyramid = Pyramid(model.pyramid, sizes)

    def forward(self, batch: Batch) -> Levels:
        return self.forward_encoded(self.encode(batch.frames_BT3HW), batch.captions, batch.noise_seeds, batch.padding_BTHW)

    @torch.no_grad()
    def encode(self, frames_BT3HW: Tensor) -> Encoded:
        """Latents, 4x map and image tokens of ImageNet-normalised frames."""
        frames_N3HW = rearrange(frames_BT3HW, "b t c h w -> (b t) c h w")
        shares_N3HW = frames_N3HW * channels(STD, frames_N3HW) + channels(MEAN, frames_N3HW)
        posterior = autoencoder.encode(self.frozen.vae, 2 * shares_N3HW - 1)
        seen = (
            None if self.model.prompt.kind == "text" else tokens.tokens(self.frozen.image_tower, tokens.prepare(shares_N3HW, self.frozen))
        )
        return Encoded(self.scaled(posterior.mean_NCHW, frames_BT3HW.shape[0]), posterior.map4_NCHW, seen)

    def scaled(self, latents_NCHW: Tensor, clips: int) -> Tensor:
        """Latents as the U-Net was trained on them, [B, T, C, h, w] float32."""
        return rearrange(latents_NCHW.float() * self.model.architecture.vae.scaling_factor, "(b t) c h w -> b t c h w", b=clips)

    def forward_encoded(self, encoded: Encoded, captions: tuple[str, ...], noise_seeds: tuple[int, ...], padding_BTHW: Tensor) -> Levels:
        """The pyramid of encoded clips under `captions`, one a clip."""
        embedded_BLC = text_embedding(self.frozen, token_ids(self.frozen, captions))
        noise_BTCHW = self.draw(encoded.latents_BTCHW, noise_seeds, padding_BTHW)
        return self.read(encoded, embedded_BLC, noise_BTCHW, padding_BTHW)

    def draw(self, latents_BTCHW: Tensor, seeds: tuple[int, ...], padding_BTHW: Tensor) -> Tensor:
        """The noise of each clip: read off its latents (Eq. 2), or gaussian."""
        if self.noise is not None:
            return torch.as_tensor(self.noise(latents_BTCHW))
        cell = padding_BTHW.shape[-1] // latents_BTCHW.shape[-1]
        seen_BHW = ~padding_BTHW[:, 0]
        sides_B2 = torch.stack([seen_BHW.any(dim=2).sum(dim=1), seen_BHW.any(dim=1).sum(dim=1)], dim=1)
        cells_B2 = torch.div(sides_B2 + cell - 1, cell, rounding_mode="floor")
        return noise.gaussian(seeds, cells_B2, latents_BTCHW.shape, latents_BTCHW.device)

    def read(self, encoded: Encoded, embedded_BLC: Tensor, noise_BTCHW: Tensor, padding_BTHW: Tensor) -> Levels:
        """Prompt, noising, U-Net, pyramid: Figure 2 from left to right."""
        timestep, frames = self.model.diffusion.timestep, encoded.latents_BTCHW.shape[1]
        prompts_NLC = self.prompt(embedded_BLC, encoded.tokens_NPC, frames)
        noisy_BTCHW = noised(encoded.latents_BTCHW, noise_BTCHW, self.frozen.alphas_cumprod, timestep)
        outputs = side_outputs(self.frozen.unet, noisy_BTCHW, prompts_NLC, timestep, self.pyramid.taps)
        maps = self.pyramid(encoded.map4_NCHW, outputs)
        padding_NHW = rearrange(padding_BTHW, "b t h w -> (b t) h w")
        return Levels(maps, tuple(nearest(padding_NHW, (level.shape[-2], level.shape[-1])) for level in maps))
