"""Frames at a time by hand; that the autoencoder and the encoder give the same in portions as whole; and that portions are taken."""

import pytest
import torch
from diffusers import AutoencoderKL
from torch import nn

from vdit.config.model import Head
from vdit.model import autoencoder, portions
from vdit.model.fusion import Encoder
from vdit.model.portions import at_once

CPU = torch.device("cpu")


def test_as_many_frames_as_fit_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "CACHE_BYTES", 1000)
    assert [at_once(5, each, CPU) for each in (1, 200, 201, 300, 501, 1000, 9999)] == [5, 5, 4, 3, 1, 1, 1]
    assert at_once(5, 9999, torch.device("meta")) == 5


def counted(module: nn.Module) -> list[int]:
    """Gets the number of frames of each call of `module`."""
    sizes: list[int] = []
    module.register_forward_hook(lambda _module, given, _output: sizes.append(len(given[0])))
    return sizes


def test_the_autoencoder_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
    ).eval()
    pixels, calls = torch.rand(5, 3, 16, 24) * 2 - 1, counted(vae.encoder.conv_in)
    whole = autoencoder.encode(vae, pixels)
    monkeypatch.setattr(portions, "CACHE_BYTES", 2 * 16 * 24 * 16 * 4)
    parts = autoencoder.encode(vae, pixels)
    assert calls == [5, 2, 2, 1]
    for part, expected in zip((parts.mean_NCHW, parts.map4_NCHW), (whole.mean_NCHW, whole.map4_NCHW), strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-5)


def test_the_encoder_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder = Encoder(Head(width=64, feedforward=96, encoder_layers=2)).eval()
    maps = [torch.randn(5, 64, *size) for size in ((6, 8), (3, 4), (2, 2), (1, 1))]
    padding = [torch.zeros(5, *each.shape[-2:], dtype=torch.bool) for each in maps]
    calls = counted(encoder.layers[0].attention)
    whole = encoder(maps, padding).tokens_NSC
    monkeypatch.setattr(portions, "CACHE_BYTES", 2 * (48 + 12 + 4 + 1) * 96 * 4)
    torch.testing.assert_close(encoder(maps, padding).tokens_NSC, whole, rtol=1e-4, atol=1e-5)
    assert calls == [5, 2, 2, 1]
