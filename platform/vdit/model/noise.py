"""Video-specific noise in place of Gaussian noise (Section 4.1, Eq. 2; spec 1.6 and 2)."""

# B clips, T frames, C latent channels, H W latent size

import torch
from einops import rearrange
from torch import Tensor, nn

from vdit.model.precision import no_autocast


def standardise(noise_BTCHW: Tensor, eps: float = 1e-5) -> Tensor:
    """Zero mean and unit spread over each clip, all its frames, channels and cells together.

    The released code takes both over the whole batch; with one clip a batch, as it was trained, that is the same (D2, B4).
    """
    mean = noise_BTCHW.mean(dim=(1, 2, 3, 4), keepdim=True)
    spread = noise_BTCHW.std(dim=(1, 2, 3, 4), keepdim=True)
    return (noise_BTCHW - mean) / (spread + eps)


class PredictedNoise(nn.Module):
    """Noise that a 3x3 convolution and two channel mixings read off the (scaled) latents."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.hidden = nn.Linear(channels, channels, bias=False)
        self.out = nn.Linear(channels, channels, bias=False)

    def forward(self, latents_BTCHW: Tensor) -> Tensor:
        # In half precision the sigmoid keeps too few digits: dividing by its small spread would turn rounding into noise.
        with no_autocast(latents_BTCHW.device):
            maps = rearrange(latents_BTCHW.float(), "b t c h w -> (b t) c h w")
            mixed = self.out(self.hidden(rearrange(self.conv(maps), "n c h w -> n h w c")).relu()).sigmoid()
            return standardise(rearrange(mixed, "(b t) h w c -> b t c h w", b=latents_BTCHW.shape[0]))


def gaussian(seeds: tuple[int, ...], sizes_B2: Tensor, shape: torch.Size, device: torch.device) -> Tensor:
    """Standard normal noise of `shape` [B, T, C, H, W], clip by clip from `seeds`.

    The cells of a clip (the top left `sizes_B2` of the map) are the same on every device and rank and in every batch; only what covers
    padding depends on the padded size.
    """
    clips = [_clip(seed, size, shape[1:]) for seed, size in zip(seeds, sizes_B2.tolist(), strict=True)]
    return torch.stack(clips).to(device)


def _clip(seed: int, size: list[int], shape: torch.Size) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    frames, channels = shape[:2]
    inner = torch.randn(frames, channels, *size, generator=generator)
    noise_TCHW = torch.randn(shape, generator=generator)
    noise_TCHW[..., : size[0], : size[1]] = inner
    return noise_TCHW
