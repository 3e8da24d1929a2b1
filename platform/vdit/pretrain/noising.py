"""The forward process of the miniature's diffusion model, and its U-Net in training: every clip at a step of its own.

B clips, T frames, N = B x T with clips outermost, C channels, H W latent size, L prompt tokens.
"""

from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from vdit.config.recipe import Prediction
from vdit.model.diffusion import Start, layers

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel

    from vdit.model.diffusion import UNet


def noised(latents_BTCHW: Tensor, noise_BTCHW: Tensor, share_B: Tensor) -> Tensor:
    """Latents of which the share `share_B` of the variance is signal."""
    signal, noise = _roots(share_B)
    return signal * latents_BTCHW + noise * noise_BTCHW


def target(latents_BTCHW: Tensor, noise_BTCHW: Tensor, share_B: Tensor, prediction: Prediction) -> Tensor:
    """What the U-Net is to say: the noise, or the velocity (arXiv 2202.00512, Appendix D)."""
    if prediction == "epsilon":
        return noise_BTCHW
    signal, noise = _roots(share_B)
    return signal * noise_BTCHW - noise * latents_BTCHW


def _roots(share_B: Tensor) -> tuple[Tensor, Tensor]:
    share = share_B[:, None, None, None, None]
    return share.sqrt().float(), (1 - share).sqrt().float()


def predict(unet: "UNet3DConditionModel", noisy_BTCHW: Tensor, steps_B: Tensor, prompts_BLC: Tensor) -> Tensor:
    """The U-Net's whole pass, [B, T, C, H, W], by the faster layers that read its features.

    Of two frames or more it is what diffusers computes. A single frame passes the transformer before the blocks and then only the layers
    over time that a single frame passes where features are read (`diffusion.start`); diffusers would send it through all of them.
    """
    frames = noisy_BTCHW.shape[1]
    x = rearrange(noisy_BTCHW, "b t c h w -> (b t) c h w").contiguous(memory_format=torch.channels_last)
    x = unet.conv_in(x)
    x = unet.transformer_in(x, num_frames=frames, return_dict=False)[0]
    time_BC = unet.time_embedding(unet.time_proj(steps_B))
    started = Start(x, None, time_BC.repeat_interleave(frames, dim=0), frames)
    return predicted(unet, started, prompts_BLC.repeat_interleave(frames, dim=0))


def predicted(unet: "UNet", started: Start, prompts_NLC: Tensor) -> Tensor:
    """[B, T, C, H, W]: the U-Net's whole output, from its first look at the prompt on."""
    for _, x_NCHW in layers(unet, started, prompts_NLC):
        last_NCHW = x_NCHW
    output_NCHW: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(last_NCHW)))
    return rearrange(output_NCHW, "(b t) c h w -> b t c h w", t=started.frames)
