"""The attention of the frozen U-Net against diffusers' own."""

import copy
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor

from vdit.config.architecture import UNet
from vdit.model import attention, networks

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
    monkeypatch.setattr(attention, "PAIRS", pairs)
    latents, prompt = torch.randn(2, 4, 3, 8, 8, requires_grad=True), torch.randn(2, 5, 12, requires_grad=True)
    expected = says(unet, latents, prompt)
    changed = copy.deepcopy(unet)
    attention.attend_plainly(changed)
    for found, wanted in zip(says(changed, latents, prompt), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_only_attention_over_a_clip_s_few_frames_takes_the_loop(unet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def loop(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
        taken.append(query.shape[1])
        return attention.F.scaled_dot_product_attention(query, key, value)

    monkeypatch.setattr(attention, "PAIRS", 1)
    monkeypatch.setattr(attention, "attend_briefly", loop)
    changed = copy.deepcopy(unet)
    attention.attend_plainly(changed)
    over_time = [name for name, module in changed.named_modules() if isinstance(module, Attention) and "temp" in f"{name}"]
    changed(torch.randn(1, 4, 3, 8, 8), 20, torch.randn(1, 5, 12))
    # The first transformer of the network looks over time as well, twice as every block does.
    assert len(taken) == len(over_time) + 2
    assert set(taken) == {3}
    taken.clear()
    changed(torch.randn(1, 4, attention.BRIEF + 1, 8, 8), 20, torch.randn(1, 5, 12))
    assert not taken


def test_an_attention_with_a_norm_of_its_own_stays_as_it_is(unet: Any) -> None:
    changed = copy.deepcopy(unet)
    block = changed.mid_block.attentions[0].transformer_blocks[0]
    block.attn1.norm_q, block.attn2.rescale_output_factor = torch.nn.LayerNorm(4), 2.0
    attention.attend_plainly(changed)
    kept = [name for name, module in changed.named_modules() if isinstance(getattr(module, "processor", None), AttnProcessor2_0)]
    assert kept == [f"mid_block.attentions.0.transformer_blocks.0.attn{n}" for n in (1, 2)]
