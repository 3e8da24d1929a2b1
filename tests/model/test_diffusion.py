"""Oracles: the stock U-Net of diffusers read by forward hooks; calls counted; coefficients by hand."""

import copy
from collections import Counter
from typing import Any, TypeAlias

import pytest
import torch
from diffusers import UNet2DConditionModel, UNet3DConditionModel
from einops import rearrange
from torch import Tensor, nn

from vdit.config.model import Diffusion, Tap
from vdit.model.diffusion import ORDER, layers, noised, over_time, start
from vdit.model.diffusion import side_outputs as outputs_of
from vdit.model.frozen import FrozenDiffusion

UNet: TypeAlias = UNet3DConditionModel | UNet2DConditionModel
ALPHAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0).double()


def side_outputs(unet: UNet, noisy: Tensor, prompts: Tensor, timestep: int, wanted: frozenset[Tap]) -> dict[Tap, Tensor]:
    return outputs_of(unet, start(unet, noisy, timestep, wanted), prompts, wanted)


@pytest.fixture(scope="module")
def unet(frozen: FrozenDiffusion) -> UNet3DConditionModel:
    """The miniature's, with temporal convolutions that do something: they start as the identity."""
    network = copy.deepcopy(frozen.unet)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if ".conv4." in name:
            nn.init.normal_(parameter, std=0.05, generator=generator)
    return network


@pytest.fixture(scope="module")
def image_unet(image_frozen: FrozenDiffusion) -> UNet2DConditionModel:
    return image_frozen.unet


def blocks(unet: UNet) -> dict[Tap, nn.Module]:
    names = {f"down{i}": block for i, block in enumerate(unet.down_blocks)} | {f"up{i}": block for i, block in enumerate(unet.up_blocks)}
    return {"in": getattr(unet, "transformer_in", unet.conv_in), "mid": unet.mid_block, **names}


def stock(unet: UNet, noisy_BTCHW: Tensor, prompt_BLC: Tensor, timestep: int) -> dict[Tap, Tensor]:
    """Every side output of the unchanged network under one prompt a clip; that for video repeats it over the frames itself."""
    seen: dict[Tap, Tensor] = {}

    def record(tap: Tap) -> Any:
        return lambda _module, _args, output: seen.update({tap: output[0] if isinstance(output, tuple) else output})

    hooks = [module.register_forward_hook(record(tap)) for tap, module in blocks(unet).items()]
    if isinstance(unet, UNet3DConditionModel):
        unet(rearrange(noisy_BTCHW, "b t c h w -> b c t h w"), timestep, prompt_BLC)
    else:
        unet(rearrange(noisy_BTCHW, "b t c h w -> (b t) c h w"), timestep, prompt_BLC.repeat_interleave(noisy_BTCHW.shape[1], dim=0))
    for hook in hooks:
        hook.remove()
    return seen


# 5x7 is odd at every level, 6x10 (a 48x80 frame) from the second on.
@pytest.mark.parametrize("size", [(8, 12), (6, 10), (5, 7)])
@pytest.mark.parametrize("kind", ["unet", "image_unet"])
def test_side_outputs_are_the_stock_networks(request: pytest.FixtureRequest, kind: str, size: tuple[int, int]) -> None:
    unet, noisy, prompt = request.getfixturevalue(kind), torch.randn(2, 5, 4, *size), torch.randn(2, 9, 64)
    ours = side_outputs(unet, noisy, prompt.repeat_interleave(5, dim=0), 50, frozenset(ORDER))
    theirs = stock(unet, noisy, prompt, 50)
    assert ours.keys() == theirs.keys()
    for tap in ORDER:
        torch.testing.assert_close(ours[tap], theirs[tap], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("last", ORDER)
@pytest.mark.parametrize("kind", ["unet", "image_unet"])
def test_nothing_runs_behind_the_last_tap(request: pytest.FixtureRequest, kind: str, last: Tap) -> None:
    unet = request.getfixturevalue(kind)
    calls: Counter[str] = Counter()
    hooks = [
        resnet.register_forward_hook(lambda *_, tap=tap: calls.update([tap]))
        for tap, block in blocks(unet).items()
        for resnet in getattr(block, "resnets", ())
    ]
    outputs = side_outputs(unet, torch.randn(1, 2, 4, 8, 8), torch.randn(2, 3, 64), 0, frozenset({"in", last}))
    for hook in hooks:
        hook.remove()
    assert set(outputs) == {"in", last}
    assert set(calls) == set(ORDER[1 : ORDER.index(last) + 1])


@pytest.mark.parametrize("kind", ["unet", "image_unet"])
def test_the_first_look_within_a_frame_is_shared_by_all_prompts(request: pytest.FixtureRequest, kind: str) -> None:
    unet, noisy = request.getfixturevalue(kind), torch.randn(1, 2, 4, 8, 8)
    calls: list[str] = []
    within = [(name, module) for name, module in unet.named_modules() if name.endswith(".attn1") and ".attentions." in name]
    hooks = [module.register_forward_hook(lambda *_, name=name: calls.append(name)) for name, module in within]
    started = start(unet, noisy, 50, frozenset({"down0"}))
    each = [outputs_of(unet, started, torch.randn(2, 3, 64), frozenset({"down0"}))["down0"] for _ in range(2)]
    for hook in hooks:
        hook.remove()
    first, *further = [name for name, _ in within if name.startswith("down_blocks.0.")]
    assert Counter(calls) == {first: 1} | {name: 2 for name in further}
    assert not torch.allclose(*each, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"only_cross_attention": True}, {"use_linear_projection": True}, {"transformer_layers_per_block": 2}],
    ids=lambda given: next(iter(given)),
)
def test_a_published_network_of_other_options(options: dict[str, Any]) -> None:
    sizes: dict[str, Any] = {"block_out_channels": (32, 64, 64, 64), "layers_per_block": 1, "cross_attention_dim": 64, "norm_num_groups": 8}
    unet = UNet2DConditionModel(**sizes, attention_head_dim=2, **options).eval()
    noisy, prompt = torch.randn(1, 2, 4, 8, 8), torch.randn(1, 3, 64)
    ours, theirs = side_outputs(unet, noisy, prompt.expand(2, -1, -1), 50, frozenset(ORDER)), stock(unet, noisy, prompt, 50)
    for tap in ORDER:
        torch.testing.assert_close(ours[tap], theirs[tap], rtol=1e-4, atol=1e-5)


def test_one_frame_passes_one_temporal_layer_only(unet: UNet3DConditionModel) -> None:
    calls: list[str] = []
    temporal = [
        (name, module)
        for name, module in unet.named_modules()
        if name == "transformer_in" or name.split(".")[-2:-1] == ["temp_attentions"] or name.split(".")[-4:-3] == ["temp_convs"]
    ]
    hooks = [module.register_forward_hook(lambda *_, name=name: calls.append(name)) for name, module in temporal]
    list(layers(unet, start(unet, torch.randn(1, 1, 4, 8, 8), 0, frozenset(ORDER)), torch.randn(1, 3, 64)))
    for hook in hooks:
        hook.remove()
    assert {name.rpartition(".conv")[0] for name in calls} == {"mid_block.temp_convs.0"}
    assert len(temporal) > 20


def test_each_frame_has_its_own_prompt(unet: UNet3DConditionModel) -> None:
    noisy, prompts = torch.randn(1, 1, 4, 8, 8).expand(2, 1, 4, 8, 8), torch.randn(2, 3, 64)
    both = side_outputs(unet, noisy, prompts, 0, frozenset({"up0"}))["up0"]
    second = side_outputs(unet, noisy[1:], prompts[1:], 0, frozenset({"up0"}))["up0"]
    torch.testing.assert_close(both[1:], second, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_only_a_unet_for_video_sees_other_frames(unet: UNet3DConditionModel, image_unet: UNet2DConditionModel) -> None:
    noisy, prompts = torch.randn(1, 5, 4, 8, 8), torch.randn(5, 3, 64)
    changed = torch.cat([torch.randn(1, 1, 4, 8, 8), noisy[:, 1:]], dim=1)
    for network, alone in ((image_unet, True), (unet, False)):
        outputs, others = (side_outputs(network, frames, prompts, 50, frozenset(ORDER)) for frames in (noisy, changed))
        for tap in ORDER:
            assert not torch.allclose(others[tap][0], outputs[tap][0], atol=1e-3), tap
            assert torch.allclose(others[tap][1:], outputs[tap][1:], rtol=1e-4, atol=1e-5) == alone, tap


def test_coefficients_of_step_zero() -> None:
    one = torch.ones(1, 1, 1, 1, 1)
    assert noised(one, 0 * one, ALPHAS, Diffusion()).item() == pytest.approx(0.99957491, abs=1e-7)
    assert noised(0 * one, one, ALPHAS, Diffusion()).item() == pytest.approx(0.02915476, abs=1e-6)


def test_linear_coefficients_are_those_of_eq_3() -> None:
    one, linear = torch.ones(1, 1, 1, 1, 1), Diffusion(coefficients="linear")
    assert noised(one, 0 * one, ALPHAS, linear).item() == pytest.approx(0.99915, abs=1e-6)
    assert noised(0 * one, one, ALPHAS, linear).item() == pytest.approx(0.00085, rel=1e-4)


@pytest.mark.parametrize("timestep", [0, 50, 999])
def test_signal_and_noise_keep_unit_energy(timestep: int) -> None:
    one = torch.ones(1, 1, 1, 1, 1)
    signal, noise = (
        noised(one, 0 * one, ALPHAS, Diffusion(timestep=timestep)).item(),
        noised(0 * one, one, ALPHAS, Diffusion(timestep=timestep)).item(),
    )
    assert signal**2 + noise**2 == pytest.approx(1, abs=1e-6)


def test_what_bfloat16_would_do_to_the_noise() -> None:
    """Why the coefficients are not taken in the latents' precision, as diffusers does."""
    share = ALPHAS[0].to(torch.bfloat16)
    assert (1 - share).item() == 0.0


def test_bfloat16_does_not_round_the_noise_away() -> None:
    zero, noise = torch.zeros(1, 1, 4, 8, 8, dtype=torch.bfloat16), torch.ones(1, 1, 4, 8, 8, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        noisy = noised(zero, noise, ALPHAS, Diffusion())
    assert noisy.dtype == torch.float32
    torch.testing.assert_close(noisy, torch.full_like(noisy, 0.02915476), rtol=1e-4, atol=0)


def test_the_timestep_reaches_the_network(unet: UNet3DConditionModel) -> None:
    noisy, prompts = torch.randn(1, 2, 4, 8, 8), torch.randn(2, 3, 64)
    first, later = (side_outputs(unet, noisy, prompts, step, frozenset({"down0"}))["down0"] for step in (0, 300))
    assert not torch.allclose(first, later, atol=1e-3)


def test_a_temporal_convolution_is_diffusers_own(unet: UNet3DConditionModel) -> None:
    layer = unet.mid_block.temp_convs[1]
    for convolution in (layer.conv1[-1], layer.conv4[-1]):
        torch.nn.init.normal_(convolution.weight, std=0.1)
    x = torch.randn(6, layer.conv1[0].num_channels, 3, 2)
    torch.testing.assert_close(over_time(layer, x, 3), layer(x, num_frames=3), rtol=1e-5, atol=1e-5)
