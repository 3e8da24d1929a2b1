"""The backbone as the gate asks it: latents, the noise it sees under a caption, the features VD-IT reads, its own summary of a text."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W latent size, L prompt tokens

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, cast

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import interpolate

from vdit.backbones import modelscope, random
from vdit.config.model import Model
from vdit.model import autoencoder
from vdit.model.diffusion import ORDER, side_outputs, start
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import seeded
from vdit.model.words import text_embedding, token_ids
from vdit.pretrain.noising import predicted
from vdit.video import Frames

Prediction = Literal["epsilon", "v_prediction"]
SCHEDULER = Path("scheduler") / "scheduler_config.json"
BATCH = 32  # clips that pass the U-Net together
Texts = Sequence[str]  # one a clip


class Denoiser(Protocol):
    """Whatever can be asked which noise is in noisy latents. `alphas_cumprod` is the share of the signal left at each step."""

    @property
    def alphas_cumprod(self) -> Tensor: ...

    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Texts]) -> list[Tensor]:
        """[B, T, C, H, W] for each of several sets of captions."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A frozen text-to-video model. `texts` keeps what the text tower said of a caption."""

    model: Model
    frozen: FrozenDiffusion
    prediction: Prediction
    texts: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def alphas_cumprod(self) -> Tensor:
        return self.frozen.alphas_cumprod

    @torch.no_grad()
    def latents(self, frames_BTHW3: Frames) -> Tensor:
        """[B, T, C, H, W], scaled as the U-Net was trained on them: the mean of the autoencoder's posterior."""
        shares = (rearrange(torch.from_numpy(frames_THW3), "t h w c -> t c h w").float() / 255 for frames_THW3 in frames_BTHW3)
        # Clip by clip: the autoencoder hands on larger maps beside the latents.
        means = [autoencoder.encode(self.frozen.vae, 2 * shares_T3HW - 1).mean_NCHW for shares_T3HW in shares]
        return torch.stack(means) * self.model.architecture.vae.scaling_factor

    @torch.no_grad()
    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Texts]) -> list[Tensor]:
        """What the U-Net takes for noise, whichever quantity it was trained to predict (v: Salimans and Ho, ICLR 2022, appendix D)."""
        # What comes before the first look at the words is computed once for all of them.
        started = start(self.frozen.unet, noisy_BTCHW, timestep, frozenset(ORDER))
        outputs = [predicted(self.frozen.unet, started, self.prompts(texts, started.frames)) for texts in captions]
        if self.prediction == "epsilon":
            return outputs
        share = float(self.alphas_cumprod[timestep])
        return [torch.add(share**0.5 * output_BTCHW, noisy_BTCHW, alpha=(1 - share) ** 0.5) for output_BTCHW in outputs]

    @torch.no_grad()
    def features(self, noisy_BTCHW: Tensor, captions: Texts) -> Tensor:
        """[B, T, H, W, C]: what VD-IT reads of the U-Net at its timestep, and the middle block, each resized to the latents' grid."""
        clips, frames = noisy_BTCHW.shape[:2]
        wanted = frozenset((*self.model.pyramid.taps, "mid"))
        started = start(self.frozen.unet, noisy_BTCHW, self.model.diffusion.timestep, wanted)
        outputs = side_outputs(self.frozen.unet, started, self.prompts(captions, frames), wanted)
        grid = (noisy_BTCHW.shape[-2], noisy_BTCHW.shape[-1])
        maps = [interpolate(outputs[tap], size=grid, mode="bilinear", align_corners=False) for tap in ORDER if tap in wanted]
        return rearrange(torch.cat(maps, dim=1), "(b t) c h w -> b t h w c", b=clips)

    def prompts(self, captions: Texts, frames: int) -> Tensor:
        """[N, L, C]: the words of each clip's caption, for each of its frames."""
        return torch.stack([self.text(caption) for caption in captions]).repeat_interleave(frames, dim=0)

    def summaries(self, captions: Texts) -> Tensor:
        """[B, C]: what the same text tower makes of a whole caption, its state at the end of the text (as CLIP pools)."""
        end = self.frozen.tokenizer.eos_token_id
        ends = [int((token_ids(self.frozen, (caption,))[0] == end).int().argmax()) for caption in captions]
        return torch.stack([self.text(caption)[place] for caption, place in zip(captions, ends, strict=True)])

    def text(self, caption: str) -> Tensor:
        """[L, C]"""
        if caption not in self.texts:
            self.texts[caption] = text_embedding(self.frozen, token_ids(self.frozen, (caption,)))[0]
        return self.texts[caption]


def chunks(clips: int) -> list[slice]:
    return [slice(first, first + BATCH) for first in range(0, clips, BATCH)]


def load(weights: Path, model: Model) -> Backbone:
    """The backbone in a checkpoint folder. Raises ValueError as `vdit.backbones.modelscope.load` does."""
    frozen = modelscope.load(model, weights, torch.device("cpu"))
    return Backbone(model=model, frozen=frozen, prediction=prediction(weights / SCHEDULER))


def untrained(trained: Backbone, seed: int) -> Backbone:
    """The random control beside it (vdit/backbones/random.py): autoencoder, text tower and U-Net drawn anew; seed 0 gives that file's."""
    drawn = seeded(trained.model.architecture, random.seed_of(trained.model.backbone) + seed)
    frozen = replace(trained.frozen, unet=drawn.unet, vae=drawn.vae, text_encoder=drawn.text_encoder, image_tower=drawn.image.visual)
    return Backbone(model=trained.model, frozen=frozen, prediction=trained.prediction)


def prediction(path: Path) -> Prediction:
    """What the U-Net was trained to predict; the noise where the file does not say, as diffusers reads it."""
    given = modelscope.read_json(path).get("prediction_type", "epsilon")
    if given not in ("epsilon", "v_prediction"):
        raise ValueError(f"{path}: prediction_type is {given!r}; the gate reads backbones that predict 'epsilon' or 'v_prediction'")
    return cast(Prediction, given)
