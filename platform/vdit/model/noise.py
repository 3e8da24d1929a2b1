"""Video-specific noise in place of Gaussian noise (Section 4.1, Eq. 2; spec 1.6 and 2)."""

# B clips, T frames, C latent channels, H W latent size

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn

from vdit.config import model as config
from vdit.model.batch import Batch
from vdit.model.precision import no_autocast

# Dimensions of [B, T, C, H, W] that one mean and one spread are taken over.
_OVER = {"frame": (2, 3, 4), "clip": (1, 2, 3, 4), "batch": (0, 1, 2, 3, 4)}


def standardise(noise_BTCHW: Tensor, over: Literal["frame", "clip", "batch"], eps: float = 1e-5) -> Tensor:
    """Zero mean and unit spread over each frame, each clip, or the whole batch, in all channels and cells together.

    The released code takes both over the whole batch; with one clip a batch, as it was trained, that is the clip (D2, B4).
    """
    mean = noise_BTCHW.mean(dim=_OVER[over], keepdim=True)
    spread = noise_BTCHW.std(dim=_OVER[over], keepdim=True)
    return (noise_BTCHW - mean) / (spread + eps)


class PredictedNoise(nn.Module):
    """Noise that a 3x3 convolution and two channel mixings read off the (scaled) latents; the released form of Eq. 2."""

    def __init__(self, channels: int, statistics: Literal["clip", "batch"]) -> None:
        super().__init__()
        self.statistics = statistics
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.hidden = nn.Linear(channels, channels, bias=False)
        self.out = nn.Linear(channels, channels, bias=False)

    def forward(self, latents_BTCHW: Tensor) -> Tensor:
        # In half precision the sigmoid keeps too few digits: dividing by its small spread would turn rounding into noise.
        with no_autocast(latents_BTCHW.device):
            maps_NHWC = rearrange(self.conv(_frames(latents_BTCHW)), "n c h w -> n h w c")
            mixed_NHWC = self.out(self.hidden(maps_NHWC).relu()).sigmoid()
            return standardise(_clips(mixed_NHWC, latents_BTCHW.shape[0]), self.statistics)


class Eq2Noise(nn.Module):
    """Eq. 2 to the letter: a convolution, one channel mixing W^N, and mean and spread of each frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.mix = nn.Linear(channels, channels, bias=False)

    def forward(self, latents_BTCHW: Tensor) -> Tensor:
        with no_autocast(latents_BTCHW.device):
            mixed_NHWC = self.mix(rearrange(self.conv(_frames(latents_BTCHW)), "n c h w -> n h w c"))
            return standardise(_clips(mixed_NHWC, latents_BTCHW.shape[0]), "frame")


def _frames(latents_BTCHW: Tensor) -> Tensor:
    return rearrange(latents_BTCHW.float(), "b t c h w -> (b t) c h w")


def _clips(mixed_NHWC: Tensor, clips: int) -> Tensor:
    return rearrange(mixed_NHWC, "(b t) h w c -> b t c h w", b=clips)


def predictor(noise: config.Noise, channels: int) -> PredictedNoise | Eq2Noise | None:
    """The module that reads the noise off the latents, for the kinds that do."""
    match noise.kind:
        case "predicted":
            return PredictedNoise(channels, noise.statistics)
        case "predicted-eq2":
            return Eq2Noise(channels)
        case "gaussian" | "none":
            return None


def gaussian(seeds: tuple[int, ...], batch: Batch, like_BTCHW: Tensor) -> Tensor:
    """Standard normal noise shaped as the latents `like_BTCHW` of the batch, clip by clip from `seeds`.

    The cells of a clip are the same on every device and rank and in every batch; only what covers padding depends on the padded size.
    """
    cell = batch.padding_BTHW.shape[-1] // like_BTCHW.shape[-1]
    cells_B2 = torch.div(batch.sizes_B2 + cell - 1, cell, rounding_mode="floor")
    clips = [_clip(seed, size, like_BTCHW.shape[1:]) for seed, size in zip(seeds, cells_B2.tolist(), strict=True)]
    return torch.stack(clips).to(like_BTCHW.device)


def posterior_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Seeds of a second draw for the same clips. Torch's generator on the CPU reads the lower 32 bits of a seed and no others."""
    return tuple(seed ^ (1 << 31) for seed in seeds)


def _clip(seed: int, size: list[int], shape: torch.Size) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    frames, channels = shape[:2]
    inner = torch.randn(frames, channels, *size, generator=generator)
    noise_TCHW = torch.randn(shape, generator=generator)
    noise_TCHW[..., : size[0], : size[1]] = inner
    return noise_TCHW
