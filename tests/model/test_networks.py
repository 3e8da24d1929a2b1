"""Oracles: the published numbers of parameters (vdit-spec section 12, millions), two draws of a seed."""

import pytest
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
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
        (lambda: UNet3DConditionModel(**networks.unet_config(SIZES.unet)), 1411.2),
        (lambda: AutoencoderKL(**networks.vae_config(SIZES.vae)), 83.7),
        (lambda: CLIP(**networks.clip_config(SIZES.image)).visual, 632.1),
        (lambda: CLIPTextModel(networks.text_config(SIZES.text)), 340.4),
        (lambda: RobertaModel(networks.roberta_config(SIZES.roberta)), 124.6),
    ],
    ids=["unet", "vae", "image", "text", "roberta"],
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
