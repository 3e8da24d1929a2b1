"""Oracles: statistics recomputed, invariance to the other clips of a batch, gradients in single precision."""

import pytest
import torch

from vdit.config.model import Noise
from vdit.model.batch import Batch
from vdit.model.noise import Eq2Noise, PredictedNoise, gaussian, posterior_seeds, predictor, standardise


def clips(sizes: list[list[int]], frames: int, height: int, width: int) -> tuple[Batch, torch.Tensor]:
    """A batch of unpadded `sizes` (in latent cells) inside height x width cells, and latents of its shape."""
    count = len(sizes)
    pixels = (count, frames, 3, 8 * height, 8 * width)
    padding = torch.zeros(count, frames, *pixels[3:], dtype=torch.bool)
    batch = Batch(torch.zeros(pixels), padding, 8 * torch.tensor(sizes), ("",) * count, tuple(range(count)), None)
    return batch, torch.zeros(count, frames, 4, height, width)


@pytest.fixture
def released() -> PredictedNoise:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PredictedNoise(4, "clip")


def test_predicted_noise_is_standard_in_each_clip(released: PredictedNoise) -> None:
    latents = torch.randn(2, 3, 4, 6, 5) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1, 1)
    for clip in released(latents):
        assert clip.mean().item() == pytest.approx(0, abs=1e-5)
        assert clip.std().item() == pytest.approx(1, abs=1e-3)


def test_predicted_noise_does_not_depend_on_the_other_clips(released: PredictedNoise) -> None:
    latents = torch.randn(3, 2, 4, 6, 5)
    torch.testing.assert_close(released(latents)[1:2], released(latents[1:2]))


def test_gradient_under_bfloat16_is_that_of_single_precision(released: PredictedNoise) -> None:
    latents, pull = torch.randn(1, 2, 4, 6, 5), torch.randn(1, 2, 4, 6, 5)
    (released(latents) * pull).sum().backward()
    single = released.conv.weight.grad.clone()
    released.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        noise = released(latents)
    (noise * pull).sum().backward()
    assert single.abs().max() > 0
    torch.testing.assert_close(released.conv.weight.grad, single)


def test_statistics_of_the_batch_are_those_of_all_its_clips_together() -> None:
    latents = torch.randn(2, 3, 4, 6, 5) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1, 1) + 3
    expected = (latents - latents.mean()) / (latents.std() + 1e-5)
    torch.testing.assert_close(standardise(latents, "batch"), expected)
    assert not torch.allclose(standardise(latents, "clip"), expected, atol=0.1)
    # One clip a batch, as released: the same.
    torch.testing.assert_close(standardise(latents[:1], "batch"), standardise(latents[:1], "clip"))


def test_the_letter_of_eq_2_is_linear_and_standard_in_each_frame() -> None:
    noise = Eq2Noise(4)
    latents = torch.randn(2, 3, 4, 6, 5) * torch.arange(1.0, 4.0).view(1, 3, 1, 1, 1)
    found = noise(latents)
    for frame, given in zip(found.flatten(0, 1), latents.flatten(0, 1), strict=True):
        mixed = torch.einsum("chw,oc->ohw", noise.conv(given[None])[0], noise.mix.weight)
        torch.testing.assert_close(frame, (mixed - mixed.mean()) / (mixed.std() + 1e-5))


@pytest.mark.parametrize(
    ("kind", "expected"), [("predicted", PredictedNoise), ("predicted-eq2", Eq2Noise), ("gaussian", None), ("none", None)]
)
def test_the_kind_decides_what_is_trained(kind: str, expected: type | None) -> None:
    made = predictor(Noise(kind=kind), 4)
    assert made is None if expected is None else isinstance(made, expected)


def test_gaussian_noise_of_a_clip_does_not_depend_on_batch_or_padding() -> None:
    alone = gaussian((5,), *clips([[3, 4]], 2, 3, 4))
    among = gaussian((1, 5), *clips([[6, 7], [3, 4]], 2, 6, 7))
    assert torch.equal(among[1, ..., :3, :4], alone[0])
    assert not torch.equal(among[0, ..., :3, :4], alone[0])


def test_gaussian_noise_is_standard_where_padding_is_too_and_leaves_the_global_generator() -> None:
    before = torch.get_rng_state()
    noise = gaussian((3,), *clips([[20, 30]], 4, 40, 60))
    assert torch.equal(torch.get_rng_state(), before)
    for part in (noise[..., :20, :30], noise[..., 20:, 30:]):
        assert part.mean().item() == pytest.approx(0, abs=0.03)
        assert part.std().item() == pytest.approx(1, abs=0.03)


def test_the_posterior_is_sampled_with_another_draw_than_the_noise() -> None:
    shape = clips([[20, 30]], 4, 20, 30)
    noise, eps = gaussian((3,), *shape), gaussian(posterior_seeds((3,)), *shape)
    assert abs(torch.corrcoef(torch.stack([noise.flatten(), eps.flatten()]))[0, 1].item()) < 0.03
    assert all(0 <= seed < 2**63 for seed in posterior_seeds((0, 2**63 - 1)))
