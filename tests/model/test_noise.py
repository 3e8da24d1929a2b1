"""Oracles: statistics recomputed, invariance to the other clips of a batch, gradients in single precision."""

import pytest
import torch

from vdit.model.noise import PredictedNoise, gaussian

CPU = torch.device("cpu")


@pytest.fixture
def predictor() -> PredictedNoise:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PredictedNoise(4)


def test_predicted_noise_is_standard_in_each_clip(predictor: PredictedNoise) -> None:
    latents = torch.randn(2, 3, 4, 6, 5) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1, 1)
    for clip in predictor(latents):
        assert clip.mean().item() == pytest.approx(0, abs=1e-5)
        assert clip.std().item() == pytest.approx(1, abs=1e-3)


def test_predicted_noise_does_not_depend_on_the_other_clips(predictor: PredictedNoise) -> None:
    latents = torch.randn(3, 2, 4, 6, 5)
    torch.testing.assert_close(predictor(latents)[1:2], predictor(latents[1:2]))


def test_gradient_under_bfloat16_is_that_of_single_precision(predictor: PredictedNoise) -> None:
    latents, pull = torch.randn(1, 2, 4, 6, 5), torch.randn(1, 2, 4, 6, 5)
    (predictor(latents) * pull).sum().backward()
    single = predictor.conv.weight.grad.clone()
    predictor.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        noise = predictor(latents)
    (noise * pull).sum().backward()
    assert single.abs().max() > 0
    torch.testing.assert_close(predictor.conv.weight.grad, single)


def test_gaussian_noise_of_a_clip_does_not_depend_on_batch_or_padding() -> None:
    alone = gaussian((5,), torch.tensor([[3, 4]]), torch.Size([1, 2, 4, 3, 4]), CPU)
    among = gaussian((1, 5), torch.tensor([[6, 7], [3, 4]]), torch.Size([2, 2, 4, 6, 7]), CPU)
    assert torch.equal(among[1, ..., :3, :4], alone[0])
    assert not torch.equal(among[0, ..., :3, :4], alone[0])


def test_gaussian_noise_is_standard_where_padding_is_too_and_leaves_the_global_generator() -> None:
    before = torch.get_rng_state()
    noise = gaussian((3,), torch.tensor([[20, 30]]), torch.Size([1, 4, 4, 40, 60]), CPU)
    assert torch.equal(torch.get_rng_state(), before)
    for part in (noise[..., :20, :30], noise[..., 20:, 30:]):
        assert part.mean().item() == pytest.approx(0, abs=0.03)
        assert part.std().item() == pytest.approx(1, abs=0.03)
