"""Samples of a text-to-video model: DDIM that adds no noise (Song et al., ICLR 2021), guided by a caption (Ho and Salimans, 2022)."""

# B clips, T frames, C channels, H W latent size

from collections.abc import Sequence

import torch
from torch import Tensor

from vdit.pretrain.gate.backbone import Denoiser

STEPS = 40
GUIDANCE = 3.0


def sample(denoiser: Denoiser, noise_BTCHW: Tensor, captions: Sequence[str], steps: int = STEPS, guidance: float = GUIDANCE) -> Tensor:
    """Latents that a caption a clip leads to, from noise of the last timestep. At guidance 1 the caption alone is asked."""
    latents_BTCHW, shares = noise_BTCHW, denoiser.alphas_cumprod.double()
    timesteps = torch.linspace(len(shares) - 1, 0, steps).round().int().tolist()
    for timestep, after in zip(timesteps, [*timesteps[1:], None], strict=True):
        share = float(shares[timestep])
        left = 1.0 if after is None else float(shares[after])
        told_BTCHW, plain_BTCHW = denoiser.noise(latents_BTCHW, timestep, (captions, [""] * len(captions)))
        noise_BTCHW = plain_BTCHW + guidance * (told_BTCHW - plain_BTCHW)
        clean_BTCHW = (latents_BTCHW - (1 - share) ** 0.5 * noise_BTCHW) / share**0.5
        latents_BTCHW = left**0.5 * clean_BTCHW + (1 - left) ** 0.5 * noise_BTCHW
    return latents_BTCHW
