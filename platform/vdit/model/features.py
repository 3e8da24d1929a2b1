"""Video diffusion features F_v: frozen diffusion U-Net under a learned prompt and learned noise (Section 4.1, left of Figure 2)."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W pixels

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from vdit.config import model as config
from vdit.model import noise
from vdit.model.batch import Batch, Levels
from vdit.model.diffusion import Start, noised, side_outputs, start
from vdit.model.encode import Encoded, Keep, computed, encode
from vdit.model.frozen import FrozenDiffusion
from vdit.model.fusion import nearest
from vdit.model.prompt import Prompt
from vdit.model.taps import Pyramid
from vdit.model.words import text_embedding, token_ids


@dataclass(frozen=True, slots=True)
class Seen:
    """What this model makes of clips, whatever is said about them: one `Seen` serves all expressions of a video."""

    level4_NCHW: Tensor
    start: Start
    prompt: tuple[Tensor, ...]


class VideoDiffusionFeatures(nn.Module):
    """Trained here: the prompt's projections, the noise predictor, the adapters of the pyramid. `frozen` is read and not owned.

    Where nothing trained lies upstream of the U-Net (text prompt, gaussian noise) autograd records none of it. `recompute` trades time for
    memory: the U-Net's activations are computed again in the backward pass. `keep` may have the frozen stages of a clip from a store.
    """

    recompute = False

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
        self.keep: Keep = computed
        self.prompt = Prompt(model.prompt, sizes.text.hidden_size, sizes.image.width)
        self.noise = noise.predictor(model.noise, sizes.vae.latent_channels)
        self.pyramid = Pyramid(model.pyramid, sizes)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the levels of stride 4, 8, 16 and 32."""
        width = self.model.pyramid.width
        return width, 2 * width, 4 * width, 8 * width

    def forward(self, batch: Batch, encoded: Encoded | None = None) -> Levels:
        """The pyramid of clips under their captions; `encoded` where the frozen stages are given."""
        return self.levels(self.see(batch, encoded), batch)

    def encode(self, batch: Batch, eps_NCHW: Tensor | None = None) -> Encoded:
        """Latents, 4x map and image tokens of the batch's frames; `eps_NCHW` as for `vdit.model.encode.encode`."""
        return encode(self.frozen, self.model, batch, self.keep, eps_NCHW)

    def see(self, batch: Batch, encoded: Encoded | None = None) -> Seen | Levels:
        """All that does not depend on the captions; with a prompt of image tokens alone that is the whole pyramid."""
        given = self.encode(batch) if encoded is None else encoded
        latents_BTCHW = given.latents_BTCHW
        noisy_BTCHW = noised(latents_BTCHW, self.draw(batch, latents_BTCHW), self.frozen.alphas_cumprod, self.model.diffusion)
        started = start(self.frozen.unet, noisy_BTCHW, self.model.diffusion.timestep, self.pyramid.taps)
        seen = Seen(self.pyramid.finest(given.map4_NCHW), started, self.prompt.look(given.tokens_NPC))
        return self.read(seen, seen.prompt[0], batch) if self.model.prompt.kind == "image" else seen

    def draw(self, batch: Batch, latents_BTCHW: Tensor) -> Tensor:
        """The noise of each clip: read off its latents (Eq. 2), gaussian, or none."""
        if self.noise is not None:
            return torch.as_tensor(self.noise(latents_BTCHW))
        if self.model.noise.kind == "none":
            return torch.zeros_like(latents_BTCHW)
        return noise.gaussian(batch.noise_seeds, batch, latents_BTCHW)

    def levels(self, seen: Seen | Levels, batch: Batch) -> Levels:
        """The pyramid under the batch's captions, one a clip."""
        if isinstance(seen, Levels):
            return seen
        embedded_BLC = text_embedding(self.frozen, token_ids(self.frozen, batch.captions))
        return self.read(seen, self.prompt(embedded_BLC, seen.prompt, batch.length), batch)

    def read(self, seen: Seen, prompts_NLC: Tensor, batch: Batch) -> Levels:
        """U-Net and pyramid: Figure 2 from left to right."""
        outputs = side_outputs(self.frozen.unet, seen.start, prompts_NLC, self.pyramid.taps, self.recompute and torch.is_grad_enabled())
        maps = self.pyramid(seen.level4_NCHW, outputs)
        padding_NHW = rearrange(batch.padding_BTHW, "b t h w -> (b t) h w")
        return Levels(maps, tuple(nearest(padding_NHW, (level.shape[-2], level.shape[-1])) for level in maps))
