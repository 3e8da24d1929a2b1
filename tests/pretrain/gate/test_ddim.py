"""Oracles: data that are normal, whose best denoiser is a formula; the rule of guidance."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vdit.pretrain.gate.ddim import sample

ALPHAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0).double()
SHAPE = (4000, 1, 1, 2, 2)


@dataclass
class Normal:
    """Latents of `spread` around a mean that the caption says; without one, around 0."""

    spread: float
    alphas_cumprod: Tensor = ALPHAS

    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Sequence[str]]) -> list[Tensor]:
        share = float(ALPHAS[timestep])
        means = [torch.tensor([float(caption or 0) for caption in texts]).view(-1, 1, 1, 1, 1) for texts in captions]
        return [(1 - share) ** 0.5 * (noisy_BTCHW - share**0.5 * mean_B) / (share * self.spread**2 + 1 - share) for mean_B in means]


def test_samples_have_the_mean_and_the_spread_of_the_data() -> None:
    """From what the data are at the last step, which is not quite noise alone."""
    share = float(ALPHAS[-1])
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    last = 2 * share**0.5 + (share * 0.25 + 1 - share) ** 0.5 * noise
    found = sample(Normal(0.5), last, ["2"] * len(noise), guidance=1)
    assert abs(float(found.mean()) - 2) < 0.02
    assert abs(float(found.std()) - 0.5) < 0.03


def test_more_steps_come_closer() -> None:
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    few, many = (abs(float(sample(Normal(0.5), noise, ["2"] * len(noise), steps=steps, guidance=1).std()) - 0.5) for steps in (5, 200))
    assert many < few


def test_guidance_goes_beyond_what_the_caption_says() -> None:
    """The means of a point's denoisers differ by a constant, so that guided ones stand at three times the distance from no caption."""
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    guided = sample(Normal(1.0), noise, ["2"] * len(noise), guidance=3)
    plain = sample(Normal(1.0), noise, ["6"] * len(noise), guidance=1)
    torch.testing.assert_close(guided, plain, atol=1e-3, rtol=1e-3)


def test_clips_do_not_mix() -> None:
    noise = torch.randn(6, 1, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    both = sample(Normal(0.5), noise, ["2"] * 3 + ["-4"] * 3)
    torch.testing.assert_close(both[3:], sample(Normal(0.5), noise[3:], ["-4"] * 3))
