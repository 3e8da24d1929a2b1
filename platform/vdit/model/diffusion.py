"""Forward noising at a timestep and the frozen U-Net, read layer by layer (Section 3 and 4.1, Eq. 3; spec 1.7, 1.8, 1.10)."""

# B clips, T frames, N = B x T with clips outermost, C channels, H W latent size, L prompt tokens

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils.checkpoint import checkpoint

from vdit.config.model import Diffusion, Tap

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNet3DConditionModel

    UNet: TypeAlias = UNet3DConditionModel | UNet2DConditionModel

ORDER: tuple[Tap, ...] = get_args(Tap)
Run: TypeAlias = Callable[..., Tensor]
# Calls a piece of the network now, and once more in the backward pass instead of keeping what happened inside it.
recomputed: Run = partial(checkpoint, use_reentrant=False)


def noised(latents_BTCHW: Tensor, noise_BTCHW: Tensor, alphas_cumprod: Tensor, diffusion: Diffusion) -> Tensor:
    """What is left of the latents after the timestep, and the noise that replaced the rest; float32.

    The coefficients are roots as in the released code, or the shares themselves as Eq. 3 is written (D1). They are taken in float64: in
    bfloat16 the share of the signal at step 0, 0.99915, rounds to 1 and the noise would vanish.
    """
    share = float(alphas_cumprod[diffusion.timestep])
    signal, noise = (share**0.5, (1 - share) ** 0.5) if diffusion.coefficients == "sqrt" else (share, 1 - share)
    return torch.add(signal * latents_BTCHW.float(), noise_BTCHW.float(), alpha=noise)


@dataclass(frozen=True, slots=True)
class Start:
    """The U-Net up to its first look at the prompt: what depends on the video alone.

    `entered_NCHW` is the output of `in`, `begun` is the first layer's (None where `in` is all that is wanted).
    """

    entered_NCHW: Tensor
    begun: "Begun | None"
    time_NC: Tensor
    frames: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A layer up to its look at the prompt: what it hands to its attention, and that once the cells of each frame looked at each other.

    `looked_NSC` is None where the cells have not looked yet, since no other prompt is to share it, or the attention has the prompt alone.
    """

    handed_NCHW: Tensor
    looked_NSC: Tensor | None


def start(unet: "UNet", noisy_BTCHW: Tensor, timestep: int, wanted: frozenset[Tap]) -> Start:
    """A clip of one frame passes no temporal layer but the first of `mid` (spec 11.2, B19 and B20)."""
    frames = noisy_BTCHW.shape[1]
    x = rearrange(noisy_BTCHW, "b t c h w -> (b t) c h w").to(unet.conv_in.weight.dtype)
    if x.device.type == "cpu":  # pixel by pixel, the order in which a CPU's convolutions and attention read; their outputs keep it
        x = x.contiguous(memory_format=torch.channels_last)
    x = unet.conv_in(x)
    if frames > 1 and hasattr(unet, "transformer_in"):
        x = unet.transformer_in(x, num_frames=frames, return_dict=False)[0]
    time_NC = time_embedding(unet, timestep, x.shape[0])
    return Start(x, None if wanted == {"in"} else begin(next(block_layers(unet.down_blocks[0])), x, time_NC, frames), time_NC, frames)


def side_outputs(unet: "UNet", started: Start, prompts_NLC: Tensor, wanted: frozenset[Tap], recompute: bool = False) -> dict[Tap, Tensor]:
    """Outputs of the `wanted` layers, each [N, C, H, W], under one prompt a frame. Nothing behind the last of them runs.

    With `recompute` a layer's activations are not kept for the backward pass but computed again.
    """
    last = max(wanted, key=ORDER.index)
    outputs: dict[Tap, Tensor] = {}
    for tap, output_NCHW in layers(unet, started, prompts_NLC, recomputed if recompute else _direct):
        if tap in wanted:
            outputs[tap] = output_NCHW
        if tap == last:
            break
    return outputs


def _direct(piece: Run, *inputs: Any) -> Tensor:
    return piece(*inputs)


def layers(unet: "UNet", started: Start, prompts_NLC: Tensor, run: Run = _direct) -> Iterator[tuple[Tap, Tensor]]:
    """The U-Net's blocks in the order they run, with their outputs: `down` behind its downsampler, `up` behind its upsampler.

    A U-Net without temporal layers (Stable Diffusion) sees every frame alone.
    """
    x, time_NC, frames = started.entered_NCHW, started.time_NC, started.frames
    yield "in", x
    skips = [x]
    for down, block in zip(("down0", "down1", "down2", "down3"), unet.down_blocks, strict=True):
        for layer in block_layers(block):
            if len(skips) == 1 and started.begun is not None:
                x = run(finish, layer, started.begun, prompts_NLC, frames)
            else:
                x = run(whole, layer, x, time_NC, prompts_NLC, frames)
            skips.append(x)
        for downsampler in block.downsamplers or ():
            x = downsampler(x)
            skips.append(x)
        yield ORDER[ORDER.index(down)], x
    for layer in middle_layers(unet.mid_block):
        x = run(whole, layer, x, time_NC, prompts_NLC, frames)
    yield "mid", x
    for up, block in zip(("up0", "up1", "up2", "up3"), unet.up_blocks, strict=True):
        for layer in block_layers(block):
            x = run(whole, layer, torch.cat([x, skips.pop()], dim=1), time_NC, prompts_NLC, frames)
        for upsampler in block.upsamplers or ():
            # The size of the next skip: twice this one, less one where halving had rounded up.
            x = upsampler(x, skips[-1].shape[-2:])
        yield ORDER[ORDER.index(up)], x


def time_embedding(unet: "UNet", timestep: int, count: int) -> Tensor:
    """[count, C], all rows the same."""
    like = unet.conv_in.weight  # what a network says of its device and type it says after a walk through all its modules
    steps_1 = torch.tensor([timestep], device=like.device)
    embedded_1C: Tensor = unet.time_embedding(unet.time_proj(steps_1).to(like.dtype))
    return embedded_1C.expand(count, -1)


@dataclass(frozen=True, slots=True)
class Layer:
    """Residual block, temporal convolution, attention within a frame and to its prompt, attention over time; any may be missing.

    `always`: the temporal convolution runs for a single frame too.
    """

    resnet: Any
    temporal_conv: Any
    attention: Any
    temporal_attention: Any
    always: bool = False


def block_layers(block: Any) -> Iterator[Layer]:
    """The layers of a `down` or `up` block; blocks without text have no attention, U-Nets for images nothing temporal."""
    names = ("temp_convs", "attentions", "temp_attentions")
    return (Layer(*parts) for parts in zip_longest(block.resnets, *(getattr(block, name, ()) for name in names)))


def middle_layers(block: Any) -> Iterator[Layer]:
    """The middle block, whose first temporal convolution runs for a single frame too (B19)."""
    first, *rest = block_layers(block)
    return chain([replace(first, always=True)], rest)


def whole(layer: Layer, x: Tensor, time_NC: Tensor, prompts_NLC: Tensor, frames: int) -> Tensor:
    return finish(layer, Begun(convolve(layer, x, time_NC, frames), None), prompts_NLC, frames)


def begin(layer: Layer, x: Tensor, time_NC: Tensor, frames: int) -> Begun:
    """The part of `whole` that the prompt does not reach."""
    x = convolve(layer, x, time_NC, frames)
    looks_first = layer.attention is not None and not layer.attention.transformer_blocks[0].only_cross_attention
    return Begun(x, look(layer.attention, x) if looks_first else None)


def finish(layer: Layer, begun: Begun, prompts_NLC: Tensor, frames: int) -> Tensor:
    """The rest of it."""
    x = begun.handed_NCHW
    if begun.looked_NSC is not None:
        x = x + ask(layer.attention, begun.looked_NSC, prompts_NLC, x)
    elif layer.attention is not None:
        x = layer.attention(x, encoder_hidden_states=prompts_NLC, return_dict=False)[0]
    return attend_over_time(layer, x, frames)


def convolve(layer: Layer, x: Tensor, time_NC: Tensor, frames: int) -> Tensor:
    """The part of a layer that the prompt does not reach."""
    if layer.resnet is not None:
        x = layer.resnet(x, time_NC)
    if layer.temporal_conv is not None and (frames > 1 or layer.always):
        x = over_time(layer.temporal_conv, x, frames)
    return x


def over_time(temporal_conv: Any, x: Tensor, frames: int) -> Tensor:
    """diffusers' `TemporalConvLayer`: its kernels, 3 frames by one cell, over [frames, cells], which takes a CPU half the time."""
    clips_BCTS = rearrange(x, "(b t) c h w -> b c t (h w)", t=frames)
    hidden = clips_BCTS
    for *before, convolution in (temporal_conv.conv1, temporal_conv.conv2, temporal_conv.conv3, temporal_conv.conv4):
        for module in before:
            hidden = module(hidden)
        hidden = conv2d(hidden, convolution.weight[..., 0], convolution.bias, padding=(1, 0))
    return rearrange(clips_BCTS + hidden, "b c t (h w) -> (b t) c h w", h=x.shape[-2])


def look(attention: Any, x: Tensor) -> Tensor:
    """diffusers' `Transformer2DModel` up to its first look at the prompt: [N, H x W, C], attention within each frame."""
    x, block = attention.norm(x), attention.transformer_blocks[0]
    if attention.use_linear_projection:
        tokens_NSC = attention.proj_in(rearrange(x, "n c h w -> n (h w) c"))
    else:
        tokens_NSC = rearrange(attention.proj_in(x), "n c h w -> n (h w) c")
    return torch.as_tensor(block.attn1(block.norm1(tokens_NSC)) + tokens_NSC)


def ask(attention: Any, looked_NSC: Tensor, prompts_NLC: Tensor, x: Tensor) -> Tensor:
    """What it adds to its input `x` from there on."""
    block, *further = attention.transformer_blocks
    tokens_NSC = block.attn2(block.norm2(looked_NSC), encoder_hidden_states=prompts_NLC) + looked_NSC
    tokens_NSC = block.ff(block.norm3(tokens_NSC)) + tokens_NSC
    for block in further:
        tokens_NSC = block(tokens_NSC, encoder_hidden_states=prompts_NLC)
    if attention.use_linear_projection:
        tokens_NSC = attention.proj_out(tokens_NSC)
    maps_NCHW: Tensor = rearrange(tokens_NSC, "n (h w) c -> n c h w", h=x.shape[-2])
    return maps_NCHW if attention.use_linear_projection else torch.as_tensor(attention.proj_out(maps_NCHW))


def attend_over_time(layer: Layer, x: Tensor, frames: int) -> Tensor:
    """Attention of each cell over time."""
    if layer.temporal_attention is not None and frames > 1:
        x = layer.temporal_attention(x, num_frames=frames, return_dict=False)[0]
    return x
