"""The frozen stages of a clip: latents and 4x map in one pass of the autoencoder, and image tokens (Section 4.1; spec 1.3, 1.5, 8).

Clip by clip, so that what is made of one does not depend, not even in its rounding, on the clips beside it: trials can share it.
"""

# B clips, T frames, N = B x T with clips outermost, C channels, H W pixels

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

import torch
from einops import rearrange
from torch import Tensor

from vdit.config import model as config
from vdit.model import autoencoder, noise, tokens
from vdit.model.batch import Batch
from vdit.model.collate import MEAN, STD, channels
from vdit.model.frozen import FrozenDiffusion

Stage: TypeAlias = Literal["VAE latents", "image tokens"]
Tensors: TypeAlias = dict[str, Tensor]


class Keep(Protocol):
    """Gives a stage of one clip: computes it, or has it from where it was kept. The values are the same to the bit."""

    def __call__(self, stage: Stage, clip: Batch, compute: Callable[[], Tensors]) -> Tensors: ...


def computed(stage: Stage, clip: Batch, compute: Callable[[], Tensors]) -> Tensors:
    """Keeps nothing."""
    return compute()


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the frozen networks see in clips, whatever is trained: the stages that trials can share (vdit/study/stages.py).

    `latents_BTCHW` are scaled and float32. `tokens_NPC` is None where the prompt is the text alone.
    """

    latents_BTCHW: Tensor
    map4_NCHW: Tensor
    tokens_NPC: Tensor | None


@torch.no_grad()
def encode(frozen: FrozenDiffusion, model: config.Model, batch: Batch, keep: Keep = computed, eps_NCHW: Tensor | None = None) -> Encoded:
    """Latents, 4x map and image tokens of the batch's frames.

    `eps_NCHW` is the standard normal noise of a sampled posterior; None draws it from the clips' seeds. What is given is not kept.
    """
    eps: tuple[Tensor | None, ...] = (None,) * batch.clips if eps_NCHW is None else torch.split(eps_NCHW, batch.length)
    kept = keep if eps_NCHW is None else computed
    parts = [_clip(frozen, model, one(batch, index), kept, eps[index]) for index in range(batch.clips)]
    if len(parts) == 1:
        return parts[0]
    looked = [part.tokens_NPC for part in parts if part.tokens_NPC is not None]
    return Encoded(
        torch.cat([part.latents_BTCHW for part in parts]),
        torch.cat([part.map4_NCHW for part in parts]),
        torch.cat(looked) if looked else None,
    )


def one(batch: Batch, index: int) -> Batch:
    """One clip of a batch, padded as it is there, without its truth."""
    clip = slice(index, index + 1)
    return replace(
        batch,
        frames_BT3HW=batch.frames_BT3HW[clip],
        padding_BTHW=batch.padding_BTHW[clip],
        sizes_B2=batch.sizes_B2[clip],
        captions=batch.captions[clip],
        noise_seeds=batch.noise_seeds[clip],
        targets=None,
        annotated_B=None,
    )


def shares(frames_BT3HW: Tensor) -> Tensor:
    """ImageNet-normalised frames as shares of white, [N, 3, H, W]; padding becomes ImageNet's mean colour (spec 1.1)."""
    frames_N3HW = rearrange(frames_BT3HW, "b t c h w -> (b t) c h w")
    return frames_N3HW * channels(STD, frames_N3HW) + channels(MEAN, frames_N3HW)


def _clip(frozen: FrozenDiffusion, model: config.Model, clip: Batch, keep: Keep, eps_NCHW: Tensor | None) -> Encoded:
    seen = keep("VAE latents", clip, lambda: _latents(frozen, model, clip, eps_NCHW))
    tokens_NPC = None
    if model.prompt.kind != "text":
        tokens_NPC = keep("image tokens", clip, lambda: _tokens(frozen, model, clip))["tokens_NPC"]
    return Encoded(seen["latents_BTCHW"], seen["map4_NCHW"], tokens_NPC)


def _latents(frozen: FrozenDiffusion, model: config.Model, clip: Batch, eps_NCHW: Tensor | None) -> Tensors:
    posterior = autoencoder.encode(frozen.vae, 2 * shares(clip.frames_BT3HW) - 1)
    latents_NCHW = posterior.mean_NCHW
    if model.encode.posterior == "sample":
        latents_NCHW = posterior.sample(_draw(clip, latents_NCHW) if eps_NCHW is None else eps_NCHW)
    # As the U-Net was trained on them.
    latents_BTCHW = (latents_NCHW.float() * model.architecture.vae.scaling_factor)[None]
    return {"latents_BTCHW": latents_BTCHW.contiguous(), "map4_NCHW": posterior.map4_NCHW.contiguous()}


def _draw(clip: Batch, latents_NCHW: Tensor) -> Tensor:
    """Another draw than the gaussian noise of the same clip."""
    return noise.gaussian(noise.posterior_seeds(clip.noise_seeds), clip, latents_NCHW[None])[0]


def _tokens(frozen: FrozenDiffusion, model: config.Model, clip: Batch) -> Tensors:
    prepared = tokens.prepare(shares(clip.frames_BT3HW), frozen, model.encode)
    return {"tokens_NPC": tokens.tokens(frozen.image_tower, prepared).contiguous()}
