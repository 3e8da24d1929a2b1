"""Oracles: the published numbers of parameters (vdit-spec section 12, millions), two draws of a seed."""

from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL
from open_clip import CLIP
from torch import nn
from transformers import CLIPTextModel, RobertaModel

from vdit.config.architecture import Architecture
from vdit.config.model import Model
from vdit.model import networks

SIZES = Architecture()


@pytest.mark.parametrize(
    ("build", "millions"),
    [
        (lambda: networks.video_unet(SIZES.unet), 1411.2),
        (lambda: networks.image_unet(SIZES.unet), 865.9),
        (lambda: AutoencoderKL(**networks.vae_config(SIZES.vae)), 83.7),
        (lambda: CLIP(**networks.clip_config(SIZES.image)).visual, 632.1),
        (lambda: CLIPTextModel(networks.text_config(SIZES.text)), 340.4),
        (lambda: RobertaModel(networks.roberta_config(SIZES.roberta)), 124.6),
    ],
    ids=["video U-Net", "image U-Net", "vae", "image", "text", "roberta"],
)
def test_published_sizes_make_the_published_networks(build: type[nn.Module], millions: float) -> None:
    with torch.device("meta"):
        network = build()
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_a_seed_decides_every_network(model: Model) -> None:
    first, second, other = (networks.seeded(model.architecture, seed) for seed in (4, 4, 5))
    for name in ("unet", "vae", "text_encoder", "image", "roberta"):
        states = [getattr(drawn, name).state_dict() for drawn in (first, second, other)]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
        assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_heads_of_single_frames_are_counted_and_those_of_video_have_a_width() -> None:
    sizes = replace(SIZES.unet, block_out_channels=(32, 64, 64, 64), norm_num_groups=8, attention_head_dim=16)
    for unet in (networks.image_unet(sizes), networks.video_unet(sizes)):
        attention = [block.attentions[0].transformer_blocks[0].attn1 for block in unet.down_blocks[:3]]
        assert [(layer.heads, layer.inner_dim // layer.heads) for layer in attention] == [(2, 16), (4, 16), (4, 16)]


def test_widths_of_a_head_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"attention_head_dim is 48, block_out_channels are \(320, 640, 1280, 1280\)"):
        networks.image_unet(replace(SIZES.unet, attention_head_dim=48))
    with pytest.raises(ValueError, match="the U-Net for video has heads of one width"):
        networks.video_unet(replace(SIZES.unet, attention_head_dim=(40, 80, 160, 160)))
