"""The frozen autoencoder: latents for the U-Net and the 4x map, in one pass (Section 4.1; spec 1.5)."""

# N frames (B x T), C channels, h w latent size

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from einops import reduce
from torch import Tensor
from torch.nn.functional import silu

from vdit.model.portions import at_once

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from diffusers.models.resnet import ResnetBlock2D
    from torch.nn import GroupNorm

# The attention of the middle block as diffusers names it now, and as it did when Stable Diffusion's autoencoder was published.
OLDER_NAMES = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the encoder says of N frames: a normal distribution over latents (not yet scaled), and the side output at stride 4."""

    mean_NCHW: Tensor
    logvar_NCHW: Tensor  # within [-30, 20]
    map4_NCHW: Tensor

    def sample(self, eps_NCHW: Tensor) -> Tensor:
        """The latents that standard normal `eps_NCHW` draws; the released code always samples, here the mean is the default (B3)."""
        return self.mean_NCHW + torch.exp(0.5 * self.logvar_NCHW) * eps_NCHW


def encode(vae: "AutoencoderKL", pixels_N3HW: Tensor) -> Posterior:
    """What the autoencoder makes of pixels within [-1, 1], their sides multiples of 8."""
    bytes_each = pixels_N3HW[0, 0].nbytes * vae.config["block_out_channels"][0]
    portions = torch.split(pixels_N3HW, at_once(len(pixels_N3HW), bytes_each, pixels_N3HW.device))
    each = [_encode(vae, portion) for portion in portions]
    return Posterior(*(torch.cat(parts) for parts in zip(*((x.mean_NCHW, x.logvar_NCHW, x.map4_NCHW) for x in each), strict=True)))


@torch.no_grad()
def _encode(vae: "AutoencoderKL", pixels_N3HW: Tensor) -> Posterior:
    """Runs the encoder and `quant_conv`, nothing behind it.

    The 4x map is the output of the last residual block of the third level, before that level's downsampler (512 channels as released).
    """
    encoder = vae.encoder
    on_cpu = pixels_N3HW.device.type == "cpu"
    x = encoder.conv_in(pixels_N3HW.contiguous(memory_format=torch.channels_last) if on_cpu else pixels_N3HW)
    maps = []
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            x = _residual(resnet, x)
        maps.append(x)
        for downsampler in block.downsamplers or ():
            x = downsampler(x)
    map4_NCHW, x = maps[2].contiguous(), x.contiguous()
    x = encoder.mid_block(x)
    x = vae.quant_conv(encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(x))))
    mean_NCHW, logvar_NCHW = x.chunk(2, dim=1)
    return Posterior(mean_NCHW=mean_NCHW.contiguous(), logvar_NCHW=logvar_NCHW.clamp(-30, 20), map4_NCHW=map4_NCHW)


def _residual(block: "ResnetBlock2D", x_NCHW: Tensor) -> Tensor:
    """As the block itself, which also divides by 1 and keeps what a gradient would need: SiLU and sum work in place here."""
    hidden: Tensor = block.conv1(silu(_normalised(block.norm1, x_NCHW), inplace=True))
    hidden = block.conv2(silu(_normalised(block.norm2, hidden, spent=True), inplace=True))
    return hidden.add_(x_NCHW if block.conv_shortcut is None else block.conv_shortcut(x_NCHW))


def _normalised(norm: "GroupNorm", x_NCHW: Tensor, spent: bool = False) -> Tensor:
    """Group norm; `x_NCHW` may be `spent` where nobody reads it again. On a CPU maps are pixel by pixel, which convolutions of few channels
    take half the time for, but in that order PyTorch's group norm takes the variance as E[x^2] - E[x]^2, which cancels; here the mean is
    taken off before.
    """
    if x_NCHW.device.type != "cpu":
        normalised: Tensor = norm(x_NCHW)
        return normalised
    mean_NC11 = _of_group(norm, x_NCHW.mean(dim=(2, 3)))[..., None, None]
    centred = x_NCHW.sub_(mean_NC11) if spent else x_NCHW - mean_NC11
    variance_NC = _of_group(norm, (centred * centred).mean(dim=(2, 3)))
    scale_NC = norm.weight * (variance_NC + norm.eps).rsqrt()
    return torch.addcmul(norm.bias[:, None, None], centred, scale_NC[..., None, None], out=centred)


def _of_group(norm: "GroupNorm", means_NC: Tensor) -> Tensor:
    """[N, C]: each channel's mean replaced by its group's."""
    return reduce(means_NC, "n (g c) -> n g", "mean", g=norm.num_groups).repeat_interleave(means_NC.shape[1] // norm.num_groups, dim=1)
