"""Oracles: the released number of trained parameters, invariance to the seed's surroundings and to sharing."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from vdit.config.model import Model
from vdit.config.train import MatchWeights
from vdit.model.batch import Batch
from vdit.model.frozen import FrozenDiffusion
from vdit.model.vdit import VDIT

MakeBatch = Callable[..., Batch]


def test_trained_parameters_of_the_published_sizes() -> None:
    with torch.device("meta"):
        model = VDIT(Model(), SimpleNamespace(device=torch.device("meta")), seed=0)
    assert sum(parameter.numel() for parameter in model.trainable().values()) == 30_038_986


def test_state_holds_nothing_frozen_and_train_leaves_the_frozen_networks_alone(model: Model, frozen: FrozenDiffusion) -> None:
    vdit = VDIT(model, frozen, seed=0).train()
    assert set(vdit.trainable()) <= set(vdit.state_dict())
    assert {name.split(".")[0] for name in vdit.state_dict()} == {"features", "head"}
    for network in frozen.networks().values():
        assert not any(module.training for module in network.modules())


def test_the_seed_alone_decides_the_weights(model: Model, frozen: FrozenDiffusion) -> None:
    before = torch.get_rng_state()
    first = VDIT(model, frozen, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    second, other = VDIT(model, frozen, seed=3).state_dict(), VDIT(model, frozen, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("frames", [1, 5])
def test_trains_and_predicts(model: Model, frozen: FrozenDiffusion, batch: MakeBatch, frames: int) -> None:
    vdit, clip = VDIT(model, frozen, seed=0), batch(1, frames)
    outputs = vdit(clip, MatchWeights())
    assert outputs[-1].masks_BTHW.shape == (1, frames, 64, 96)
    outputs[-1].masks_BTHW.square().mean().backward()
    with torch.no_grad():
        assert vdit.predict(clip, "best").masks_BTQHW.shape == (1, frames, 1, 64, 96)
        assert vdit.predict(clip, "all").masks_BTQHW.shape == (1, frames, model.head.queries, 64, 96)


@pytest.mark.parametrize("kind", ["image", "text", "image+text"])
def test_a_step_on_stored_stages_is_the_step_on_frames(model: Model, frozen: FrozenDiffusion, batch: MakeBatch, kind: str) -> None:
    vdit, clip = VDIT(replace(model, prompt=replace(model.prompt, kind=kind)), frozen, seed=0).eval(), batch(1, 2)
    stored = vdit(clip, MatchWeights(), vdit.features.encode(clip))
    assert torch.equal(stored[-1].masks_BTHW, vdit(clip, MatchWeights())[-1].masks_BTHW)


def test_dropout_of_the_frozen_networks_runs_in_training_only_where_it_is_wanted(model: Model, frozen: FrozenDiffusion) -> None:
    released = VDIT(replace(model, backbone=replace(model.backbone, mode="released")), frozen, seed=0).train()
    on = [name for name, network in frozen.networks().items() if any(module.training for module in network.modules())]
    assert on == list(frozen.networks())
    released.eval()
    assert not any(module.training for network in frozen.networks().values() for module in network.modules())
    released.train()
    VDIT(model, frozen, seed=0).train()  # the next trial on the same networks
    assert not any(module.training for network in frozen.networks().values() for module in network.modules())


def test_recomputed_activations_give_the_same_gradients(model: Model, frozen: FrozenDiffusion, batch: MakeBatch) -> None:
    clip = batch(1, 2)
    found = []
    for recompute in (False, True):
        vdit = VDIT(replace(model, backbone=replace(model.backbone, mode="released")), frozen, seed=0).train()
        vdit.features.recompute = recompute
        torch.manual_seed(0)
        vdit(clip, MatchWeights())[-1].masks_BTHW.square().mean().backward()
        found.append({name: parameter.grad for name, parameter in vdit.features.named_parameters()})
    vdit.eval()
    for name, gradient in found[0].items():
        assert gradient is not None and torch.equal(gradient, found[1][name]), name


def test_expressions_share_what_is_encoded_once(model: Model, frozen: FrozenDiffusion, batch: MakeBatch) -> None:
    vdit, clip = VDIT(model, frozen, seed=0).eval(), batch(1, 2)
    with torch.no_grad():
        seen = vdit.see(clip)
        for text in ("a red circle", "the star on top"):
            asked = replace(clip, captions=(text,))
            torch.testing.assert_close(vdit.predict(asked, "all", seen).masks_BTQHW, vdit.predict(asked, "all").masks_BTQHW)
