"""Oracles: the miniature of the same folder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit.backbones import miniature, modelscope, random
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion

CPU = torch.device("cpu")


def equal(first: FrozenDiffusion, second: FrozenDiffusion, name: str) -> bool:
    one, other = first.networks()[name].state_dict(), second.networks()[name].state_dict()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_everything_but_the_heads_words_is_another_draw(model: Model, folder: Path) -> None:
    control, beside = random.load(model, folder, CPU), miniature.load(model, folder, CPU)
    assert {name for name in beside.networks() if equal(beside, control, name)} == {"roberta"}
    assert control.tokenizer(["a red star"]).input_ids == beside.tokenizer(["a red star"]).input_ids
    assert not any(parameter.requires_grad for network in control.networks().values() for parameter in network.parameters())
    assert not any(network.training for network in control.networks().values())


def test_the_same_seed_is_the_same_control(model: Model, folder: Path) -> None:
    first, second = random.load(model, folder, CPU), random.load(model, folder, CPU)
    assert all(equal(first, second, name) for name in first.networks())


def test_the_folder_is_built_where_it_is_not_there(model: Model, tmp_path: Path) -> None:
    random.load(model, tmp_path / "weights", CPU)
    assert modelscope.drawn_from(tmp_path / "weights") == 0


def test_sizes_have_to_agree(model: Model, folder: Path) -> None:
    other = replace(model.architecture, unet=replace(model.architecture.unet, attention_head_dim=8))
    with pytest.raises(ValueError, match="attention_head_dim"):
        random.load(replace(model, architecture=other), folder, CPU)
