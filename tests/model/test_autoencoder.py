"""The encoder against diffusers' own in double precision, and its group norm where a map is far from zero."""

import copy

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from vdit.model.autoencoder import _normalised, encode


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    """Two channels in each of 16 groups, at one level with a shortcut convolution."""
    torch.manual_seed(0)
    widths = (32, 32, 64, 64)
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        norm_num_groups=16,
    ).eval()


@torch.no_grad()
def stock(vae: AutoencoderKL, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Moments, and what leaves the third level before it is halved."""
    seen: list[Tensor] = []
    hook = vae.encoder.down_blocks[2].resnets[-1].register_forward_hook(lambda module, given, output: seen.append(output))
    moments: Tensor = vae.quant_conv(vae.encoder(pixels))
    hook.remove()
    return moments, seen[0]


@pytest.mark.parametrize("frames", [1, 3])
def test_latents_and_map_are_those_of_the_stock_encoder(vae: AutoencoderKL, frames: int) -> None:
    pixels = torch.rand(frames, 3, 40, 56) * 2 - 1
    given = encode(vae, pixels)
    moments, map4 = stock(copy.deepcopy(vae).double(), pixels.double())
    for found, wanted in ((given.mean_NCHW, moments.chunk(2, dim=1)[0]), (given.map4_NCHW, map4)):
        assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()
        assert found.is_contiguous()


def test_weights_and_pixels_are_left_as_they_are(vae: AutoencoderKL) -> None:
    pixels, before = torch.rand(1, 3, 16, 16), copy.deepcopy(vae.state_dict())
    kept = pixels.clone()
    encode(vae, pixels)
    assert torch.equal(pixels, kept)
    assert all(torch.equal(tensor, before[name]) for name, tensor in vae.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize("far", [0.0, 30.0, 300.0])
def test_a_far_mean_costs_group_norm_no_precision(far: float) -> None:
    torch.manual_seed(1)
    norm = nn.GroupNorm(8, 16)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    maps = (torch.randn(2, 16, 24, 32) + far).contiguous(memory_format=torch.channels_last)
    wanted = copy.deepcopy(norm).double()(maps.double())
    kept = maps.clone()
    found = _normalised(norm, maps)
    assert (found - wanted).abs().max() < 2e-6 * max(far, 10)
    assert torch.equal(maps, kept)
    assert torch.equal(_normalised(norm, maps, spent=True), found)
