"""Side outputs of U-Net and autoencoder become a pyramid of strides 4, 8, 16, 32 (Section 4.1; spec 1.8 and 1.9)."""

# N frames (B x T), C channels, H W size of a map

import torch
from torch import Tensor, nn
from torch.nn import functional

from vdit.config import model as config
from vdit.config.architecture import Architecture, UNet
from vdit.config.model import Tap

STRIDES = (4, 8, 16, 32)
# The released model joins in+up2, down0+up1 and down1+up0. Stride-64 outputs are resized and join the 32x level last.
JOINED: dict[int, tuple[Tap, ...]] = {8: ("in", "up2", "up3"), 16: ("down0", "up1"), 32: ("down1", "up0", "down2", "mid", "down3")}


def width(unet: UNet, tap: Tap) -> int:
    """Channels of a side output."""
    first, second, third, fourth = unet.block_out_channels
    widths: dict[Tap, int] = {
        **{"in": first, "down0": first, "down1": second, "down2": third, "down3": fourth},
        **{"mid": fourth, "up0": fourth, "up1": third, "up2": second, "up3": first},
    }
    return widths[tap]


def sources(chosen: frozenset[Tap]) -> dict[int, int]:
    """For each stride from 8 on, the stride its map is made from; itself where side outputs of that stride are chosen.

    Otherwise the next finer level if the U-Net's outputs reach it, else the next coarser one. The 4x level, which is the autoencoder's,
    never stands in for the U-Net.
    """
    found = {stride: stride for stride, taps in JOINED.items() if chosen & set(taps)}
    for stride in (16, 32):
        if stride not in found and stride // 2 in found:
            found[stride] = stride // 2
    for stride in (16, 8):
        if stride not in found:
            found[stride] = stride * 2
    return found


class Adapter(nn.Sequential):
    """Two 1x1 convolutions with nothing between, computed as one where multiplying their kernels costs less than the wide map between."""

    def __init__(self, channels: int, inner: int, output: int) -> None:
        super().__init__(nn.Conv2d(channels, inner, kernel_size=1), nn.Conv2d(inner, output, kernel_size=1))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        before, behind = self
        first, second = (convolution.get_parameter("weight").flatten(1) for convolution in self)
        inner, channels = first.shape
        output, cells = second.shape[0], x_NCHW[:, 0].numel()
        if output * channels * (cells + inner) >= cells * inner * (channels + output):
            return torch.as_tensor(behind(before(x_NCHW)))
        first_bias, second_bias = (convolution.get_parameter("bias") for convolution in self)
        return functional.conv2d(x_NCHW, (second @ first)[..., None, None], second @ first_bias + second_bias)


class Pyramid(nn.Module):
    """Two 1x1 convolutions with nothing between for each level that has side outputs; a neighbour stands in where there are none."""

    def __init__(self, pyramid: config.Pyramid, architecture: Architecture) -> None:
        super().__init__()
        self.taps = frozenset(pyramid.taps)
        self.widths = {stride: pyramid.width * stride // 4 for stride in STRIDES}
        self.sources = sources(self.taps)
        self.adapters = nn.ModuleDict({"4": self._adapter(4, architecture.vae.block_out_channels[2])})
        self.stand_ins = nn.ModuleDict()
        for stride, source in self.sources.items():
            if source == stride:
                joined = sum(width(architecture.unet, tap) for tap in self._joined(stride))
                self.adapters[str(stride)] = self._adapter(stride, joined)
            elif source < stride:
                self.stand_ins[str(stride)] = nn.Conv2d(self.widths[source], self.widths[stride], kernel_size=3, stride=2, padding=1)
            else:
                self.stand_ins[str(stride)] = nn.Conv2d(self.widths[source], self.widths[stride], kernel_size=1)

    def _joined(self, stride: int) -> tuple[Tap, ...]:
        return tuple(tap for tap in JOINED[stride] if tap in self.taps)

    def _adapter(self, stride: int, channels: int) -> Adapter:
        return Adapter(channels, min(2 * self.widths[stride], self.widths[32]), self.widths[stride])

    def finest(self, map4_NCHW: Tensor) -> Tensor:
        """The level of stride 4, which is the autoencoder's alone."""
        return torch.as_tensor(self.adapters["4"](map4_NCHW))

    def forward(self, level4_NCHW: Tensor, outputs: dict[Tap, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The levels of stride 4 (as `finest` gave it), 8, 16, 32; sides are those of the first, halved and rounded up at each step."""
        maps = {4: level4_NCHW}
        # Levels with side outputs come first, then those made from a finer level, then those made from a coarser one.
        for stride, source in self.sources.items():
            size = _size(level4_NCHW, stride)
            if source == stride:
                maps[stride] = self.adapters[str(stride)](torch.cat([_resized(outputs[tap], size) for tap in self._joined(stride)], dim=1))
            else:
                maps[stride] = _resized(self.stand_ins[str(stride)](maps[source]), size)
        return maps[4], maps[8], maps[16], maps[32]


def _size(level4_NCHW: Tensor, stride: int) -> tuple[int, int]:
    height, width = level4_NCHW.shape[-2:]
    return -(-height * 4 // stride), -(-width * 4 // stride)


def _resized(x_NCHW: Tensor, size: tuple[int, int]) -> Tensor:
    if x_NCHW.shape[-2:] == size:
        return x_NCHW
    return functional.interpolate(x_NCHW, size=size, mode="bilinear", align_corners=False)
