"""Oracles: invariance, gradients that are or are not there, and the released number of parameters."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vdit.config.model import Model, Noise, Prompt
from vdit.model.batch import Batch
from vdit.model.features import VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion

MakeFeatures = Callable[[str, str], VideoDiffusionFeatures]
MakeBatch = Callable[..., Batch]
ARMS = [
    ("image", "gaussian"),
    ("text", "gaussian"),
    ("image+text", "gaussian"),
    ("image+text", "predicted"),
    ("text", "predicted"),
    ("image+text", "predicted-eq2"),
    ("text", "none"),
]


@pytest.fixture
def features(model: Model, frozen: FrozenDiffusion) -> MakeFeatures:
    def make(prompt: str, noise: str) -> VideoDiffusionFeatures:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            arm = replace(model, prompt=replace(model.prompt, kind=prompt), noise=Noise(kind=noise))
            return VideoDiffusionFeatures(arm, frozen)

    return make


def side_outputs_of(features: VideoDiffusionFeatures, batch: Batch) -> dict[str, Tensor]:
    """What the U-Net hands to the pyramid."""
    seen: list[dict[str, Tensor]] = []
    hook = features.pyramid.register_forward_pre_hook(lambda _, args: seen.append(args[1]))
    features(batch)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize(("prompt", "noise"), ARMS)
def test_the_unet_is_recorded_only_where_something_trained_is_upstream(
    features: MakeFeatures, batch: MakeBatch, prompt: str, noise: str
) -> None:
    arm = features(prompt, noise)
    recorded = any(output.requires_grad for output in side_outputs_of(arm, batch(1, 2)).values())
    assert recorded == ((prompt, noise) not in {("text", "gaussian"), ("text", "none")})


@pytest.mark.parametrize(("prompt", "noise"), ARMS)
def test_every_trained_parameter_gets_a_gradient_and_no_frozen_one(
    features: MakeFeatures, frozen: FrozenDiffusion, batch: MakeBatch, prompt: str, noise: str
) -> None:
    arm = features(prompt, noise)
    levels = arm(batch(1, 2))
    generator = torch.Generator().manual_seed(1)
    sum((level * torch.randn(level.shape, generator=generator)).sum() for level in levels.maps_BTCHW).backward()
    for name, parameter in arm.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
    for network in frozen.networks().values():
        assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())


def test_gradient_to_the_noise_survives_bfloat16(features: MakeFeatures, batch: MakeBatch) -> None:
    arm = features("image+text", "predicted")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        levels = arm(batch(1, 2))
    levels.maps_BTCHW[1].float().square().mean().backward()
    assert arm.noise.conv.weight.grad.abs().max() > 0
    assert arm.prompt.guided.query.weight.grad.abs().max() > 0


def test_clips_of_a_batch_do_not_touch_each_other(features: MakeFeatures, batch: MakeBatch) -> None:
    arm, two = features("image+text", "predicted"), batch(2, 2)
    one = replace(
        two,
        frames_BT3HW=two.frames_BT3HW[1:],
        padding_BTHW=two.padding_BTHW[1:],
        sizes_B2=two.sizes_B2[1:],
        captions=two.captions[1:],
        noise_seeds=two.noise_seeds[1:],
    )
    for together, alone in zip(arm(two).maps_BTCHW, arm(one).maps_BTCHW, strict=True):
        torch.testing.assert_close(together[2:], alone, rtol=1e-3, atol=1e-4)


def test_expression_and_seed_change_what_they_should(features: MakeFeatures, batch: MakeBatch) -> None:
    clip = batch(1, 2)
    other = replace(clip, captions=("a blue star on top",), noise_seeds=(99,))
    for prompt, noise, differs in (("image", "predicted", False), ("text", "predicted", True), ("image", "gaussian", True)):
        arm = features(prompt, noise)
        assert torch.allclose(arm(clip).maps_BTCHW[1], arm(other).maps_BTCHW[1], atol=1e-6) != differs


def test_levels_and_their_padding(features: MakeFeatures, batch: MakeBatch) -> None:
    levels = features("text", "gaussian")(batch(2, 3))
    assert [tuple(level.shape[2:]) for level in levels.maps_BTCHW] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    for level, padding in zip(levels.maps_BTCHW, levels.padding_BTHW, strict=True):
        assert padding.shape == (6, *level.shape[2:]) and padding.dtype == torch.bool
    # 60 of 64 rows and 90 of 96 columns are seen: at stride 4 the last row and the last column but one begin in padding.
    assert levels.padding_BTHW[0][0, 15].all() and not levels.padding_BTHW[0][0, 14, 0]
    assert levels.padding_BTHW[0][0, 0].tolist() == [False] * 23 + [True]


def test_widths_that_do_not_meet_are_refused(model: Model, frozen: FrozenDiffusion) -> None:
    wrong = replace(model, architecture=replace(model.architecture, text=replace(model.architecture.text, hidden_size=32)))
    with pytest.raises(ValueError, match="cross_attention_dim"):
        VideoDiffusionFeatures(wrong, frozen)


@pytest.mark.parametrize(("kind", "millions"), [("text", 0), ("image", 2.36), ("image+text", 5.25 + 2.36)])
def test_published_sizes_of_the_prompt(kind: str, millions: float) -> None:
    with torch.device("meta"):
        features = VideoDiffusionFeatures(Model(prompt=Prompt(kind=kind)), frozen=None)
    assert sum(parameter.numel() for parameter in features.prompt.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
    assert sum(parameter.numel() for parameter in features.noise.parameters()) == 180
    assert sum(parameter.numel() for parameter in features.pyramid.parameters()) / 1e6 == pytest.approx(5.97, abs=0.01)
