"""The blocks of the frozen U-Net against diffusers' own."""

import copy
from typing import Any

import pytest
import torch
from diffusers.models.activations import GEGLU
from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import Tensor

from vdit.config.architecture import UNet
from vdit.model import blocks, networks

# As small as the blocks of diffusers allow.
SIZES = UNet(
    block_out_channels=(8, 8, 16, 16), layers_per_block=1, cross_attention_dim=12, norm_num_groups=4, attention_head_dim=4, sample_size=8
)


@pytest.fixture(scope="module")
def unet() -> Any:
    torch.manual_seed(0)
    return networks.video_unet(SIZES).eval()


def says(unet: Any, latents: Tensor, prompt: Tensor) -> tuple[Tensor, ...]:
    """What the network says and the gradients of what it was given."""
    output = unet(latents, 20, prompt, return_dict=False)[0]
    return (output, *torch.autograd.grad(output.square().sum(), (latents, prompt)))


@pytest.mark.parametrize("pairs", [1, 10**9])
def test_a_network_says_what_it_said(unet: Any, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "PAIRS", pairs)
    latents, prompt = torch.randn(2, 4, 3, 8, 8, requires_grad=True), torch.randn(2, 5, 12, requires_grad=True)
    expected = says(unet, latents, prompt)
    changed = copy.deepcopy(unet)
    blocks.spare(changed)
    for found, wanted in zip(says(changed, latents, prompt), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_only_attention_over_a_clip_s_few_frames_takes_the_loop(unet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def loop(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
        taken.append(query.shape[1])
        return blocks.F.scaled_dot_product_attention(query, key, value)

    monkeypatch.setattr(blocks, "PAIRS", 1)
    monkeypatch.setattr(blocks, "attend_briefly", loop)
    changed = copy.deepcopy(unet)
    blocks.spare(changed)
    over_time = [name for name, module in changed.named_modules() if isinstance(module, Attention) and "temp" in name]
    changed(torch.randn(1, 4, 3, 8, 8), 20, torch.randn(1, 5, 12))
    # The first transformer of the network looks over time as well, twice as every block does.
    assert len(taken) == len(over_time) + 2
    assert set(taken) == {3}
    taken.clear()
    changed(torch.randn(1, 4, blocks.BRIEF + 1, 8, 8), 20, torch.randn(1, 5, 12))
    assert not taken


def test_an_attention_with_a_norm_of_its_own_stays_as_it_is(unet: Any) -> None:
    changed = copy.deepcopy(unet)
    block = changed.mid_block.attentions[0].transformer_blocks[0]
    block.attn1.norm_q, block.attn2.rescale_output_factor = torch.nn.LayerNorm(4), 2.0
    changed.down_blocks[0].attentions[0].transformer_blocks[0].attn1.set_processor(AttnProcessor())
    blocks.spare(changed)
    names = (
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1",
        *(f"mid_block.attentions.0.transformer_blocks.0.attn{n}" for n in (1, 2)),
    )
    kept = {
        name for name, module in changed.named_modules() if isinstance(module, Attention) and type(module.processor) is not blocks.Attend
    }
    assert kept == set(names)


def test_to_spare_it_twice_changes_nothing(unet: Any) -> None:
    changed = copy.deepcopy(unet)
    blocks.spare(changed)
    modules = list(changed.modules())
    blocks.spare(changed)
    assert [id(module) for module in changed.modules()] == [id(module) for module in modules]


def test_a_mask_is_refused(unet: Any) -> None:
    changed = copy.deepcopy(unet)
    blocks.spare(changed)
    with pytest.raises(ValueError, match="attention_mask"):
        changed.mid_block.attentions[0].transformer_blocks[0].attn1(torch.randn(1, 4, 16), attention_mask=torch.ones(1, 1, 4))


def test_gates_are_those_of_diffusers_in_every_type_they_come_in() -> None:
    torch.manual_seed(0)
    stock = GEGLU(6, 10).double()
    tokens = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    inputs, gradient = (tokens, *stock.parameters()), torch.randn(2, 3, 10, dtype=torch.float64)
    given, expected = blocks.Gated(stock.proj)(tokens), stock(tokens)
    torch.testing.assert_close(given, expected)
    pairs = zip(torch.autograd.grad(given, inputs, gradient), torch.autograd.grad(expected, inputs, gradient), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(blocks.Gated(stock.float().proj)(tokens.float()), stock(tokens.float()))


def test_the_weights_keep_their_names(unet: Any) -> None:
    changed = copy.deepcopy(unet)
    blocks.spare(changed)
    assert list(changed.state_dict()) == list(unet.state_dict())
    assert not [module for module in changed.modules() if type(module) is GEGLU or module.training]
