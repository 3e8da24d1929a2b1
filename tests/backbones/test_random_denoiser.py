"""Oracles: the miniature of the same folder, and the control all of whose networks are drawn."""

from pathlib import Path

import torch

from vdit.backbones import miniature, random, random_denoiser
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion

CPU = torch.device("cpu")


def same(one: FrozenDiffusion, other: FrozenDiffusion) -> set[str]:
    """The networks whose weights are equal, all of them."""
    pairs = {name: (network.state_dict(), other.networks()[name].state_dict()) for name, network in one.networks().items()}
    return {name for name, (ours, theirs) in pairs.items() if all(torch.equal(ours[key], theirs[key]) for key in ours)}


def test_the_u_net_alone_is_another_draw(model: Model, folder: Path) -> None:
    control, trained, drawn = (backbone.load(model, folder, CPU) for backbone in (random_denoiser, miniature, random))
    assert same(control, trained) == set(control.networks()) - {"unet"}
    assert same(control, drawn) == {"unet", "roberta"}
    assert not any(parameter.requires_grad for parameter in control.unet.parameters()) and not control.unet.training
