"""Oracle: Stable Diffusion of the same folder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit.backbones import random_stable_diffusion, stable_diffusion
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("weights") / "drawn"
    stable_diffusion.build(built, model.architecture, 0)
    return built


def equal(first: FrozenDiffusion, second: FrozenDiffusion, name: str) -> bool:
    one, other = first.networks()[name].state_dict(), second.networks()[name].state_dict()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_everything_but_the_heads_words_is_another_draw(model: Model, place: Path) -> None:
    control, beside = random_stable_diffusion.load(model, place, CPU), stable_diffusion.load(model, place, CPU)
    assert {name for name in beside.networks() if equal(beside, control, name)} == {"roberta"}
    for text in ("a red star", "3 giraffes"):
        assert control.tokenizer([text]).input_ids == beside.tokenizer([text]).input_ids
        assert control.roberta_tokenizer([text]).input_ids == beside.roberta_tokenizer([text]).input_ids
    assert not any(parameter.requires_grad for network in control.networks().values() for parameter in network.parameters())
    assert not any(network.training for network in control.networks().values())


def test_the_same_seed_is_the_same_control_of_the_same_kind(model: Model, place: Path) -> None:
    first, second = (random_stable_diffusion.load(model, place, CPU) for _ in range(2))
    assert all(equal(first, second, name) for name in first.networks())
    assert type(first.unet) is type(stable_diffusion.load(model, place, CPU).unet)


def test_sizes_have_to_agree(model: Model, place: Path) -> None:
    other = replace(model.architecture, unet=replace(model.architecture.unet, attention_head_dim=8))
    with pytest.raises(ValueError, match="attention_head_dim"):
        random_stable_diffusion.load(replace(model, architecture=other), place, CPU)
