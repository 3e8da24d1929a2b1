"""Forward noising at a timestep and the frozen U-Net, read layer by layer (Section 3 and 4.1, Eq. 3; spec 1.7, 1.8, 1.10)."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W latent size, L prompt tokens

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, get_args

import torch
from einops import rearrange
from torch import Tensor

from vdit.config.model import Tap

if TYPE_CHECKING:
    from diffusers import UNet3DConditionModel

ORDER: tuple[Tap, ...] = get_args(Tap)


def noised(latents_BTCHW: Tensor, noise_BTCHW: Tensor, alphas_cumprod: Tensor, timestep: int) -> Tensor:
    """What is left of the latents after `timestep`, and the noise that replaced the rest; float32.

    The coefficients are roots (the released code, not Eq. 3's letter: D1), taken in float64: in bfloat16 the share of the signal at step 0,
    0.99915, rounds to 1 and the noise would vanish.
    """
    share = float(alphas_cumprod[timestep])
    return torch.add(share**0.5 * latents_BTCHW.float(), noise_BTCHW.float(), alpha=(1 - share) ** 0.5)


def side_outputs(
    unet: "UNet3DConditionModel", noisy_BTCHW: Tensor, prompts_NLC: Tensor, timestep: int, wanted: frozenset[Tap]
) -> dict[Tap, Tensor]:
    """Outputs of the `wanted` layers, each [N, C, H, W], under one prompt a frame. Nothing behind the last of them runs."""
    last = max(wanted, key=ORDER.index)
    outputs: dict[Tap, Tensor] = {}
    for tap, output_NCHW in layers(unet, noisy_BTCHW, prompts_NLC, timestep):
        if tap in wanted:
            outputs[tap] = output_NCHW
        if tap == last:
            break
    return outputs


def layers(unet: "UNet3DConditionModel", noisy_BTCHW: Tensor, prompts_NLC: Tensor, timestep: int) -> Iterator[tuple[Tap, Tensor]]:
    """The U-Net's blocks in the order they run, with their outputs: `down` behind its downsampler, `up` behind its upsampler.

    A clip of one frame passes no temporal layer but the first of `mid` (spec 11.2, B19 and B20).
    """
    frames = noisy_BTCHW.shape[1]
    x = unet.conv_in(rearrange(noisy_BTCHW, "b t c h w -> (b t) c h w").to(unet.dtype))
    if frames > 1:
        x = unet.transformer_in(x, num_frames=frames, return_dict=False)[0]
    yield "in", x
    time_NC = time_embedding(unet, timestep, x.shape[0])
    skips = [x]
    for down, block in zip(("down0", "down1", "down2", "down3"), unet.down_blocks, strict=True):
        for layer in block_layers(block):
            x = run(layer, x, time_NC, prompts_NLC, frames)
            skips.append(x)
        for downsampler in block.downsamplers or ():
            x = downsampler(x)
            skips.append(x)
        yield ORDER[ORDER.index(down)], x
    x = middle(unet.mid_block, x, time_NC, prompts_NLC, frames)
    yield "mid", x
    for up, block in zip(("up0", "up1", "up2", "up3"), unet.up_blocks, strict=True):
        for layer in block_layers(block):
            x = run(layer, torch.cat([x, skips.pop()], dim=1), time_NC, prompts_NLC, frames)
        for upsampler in block.upsamplers or ():
            # The size of the next skip: twice this one, less one where halving had rounded up.
            x = upsampler(x, skips[-1].shape[-2:])
        yield ORDER[ORDER.index(up)], x


def time_embedding(unet: "UNet3DConditionModel", timestep: int, count: int) -> Tensor:
    """[count, C], all rows the same."""
    steps_1 = torch.tensor([timestep], device=unet.device)
    embedded_1C: Tensor = unet.time_embedding(unet.time_proj(steps_1).to(unet.dtype))
    return embedded_1C.expand(count, -1)


def block_layers(block: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Residual block, temporal convolution, spatial and temporal attention of each layer; blocks without text have no attention."""
    attentions, temporal = getattr(block, "attentions", ()), getattr(block, "temp_attentions", ())
    return zip_longest(block.resnets, block.temp_convs, attentions, temporal)


def run(layer: tuple[Any, Any, Any, Any], x: Tensor, time_NC: Tensor, prompts_NLC: Tensor, frames: int) -> Tensor:
    """One layer of a `down` or `up` block."""
    resnet, temporal_conv, attention, temporal_attention = layer
    x = resnet(x, time_NC)
    if frames > 1:
        x = temporal_conv(x, num_frames=frames)
    if attention is None:
        return x
    return attend(attention, temporal_attention, x, prompts_NLC, frames)


def attend(attention: Any, temporal_attention: Any, x: Tensor, prompts_NLC: Tensor, frames: int) -> Tensor:
    """Attention within each frame and to its prompt, then of each cell over time."""
    x = attention(x, encoder_hidden_states=prompts_NLC, return_dict=False)[0]
    return x if frames == 1 else torch.as_tensor(temporal_attention(x, num_frames=frames, return_dict=False)[0])


def middle(block: Any, x: Tensor, time_NC: Tensor, prompts_NLC: Tensor, frames: int) -> Tensor:
    """The middle block, whose first temporal convolution runs for a single frame too (B19)."""
    x = block.temp_convs[0](block.resnets[0](x, time_NC), num_frames=frames)
    for attention, temporal_attention, resnet, temporal_conv in zip(
        block.attentions, block.temp_attentions, block.resnets[1:], block.temp_convs[1:], strict=True
    ):
        x = resnet(attend(attention, temporal_attention, x, prompts_NLC, frames), time_NC)
        x = x if frames == 1 else temporal_conv(x, num_frames=frames)
    return x
