"""Oracles: features that hold the answer, features that hold nothing, and brute force over all cuts."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vdit.pretrain.gate.probe import Fitted, Scale, linear, network, threshold

CLIPS, CELLS = 32, 60
Probe = Callable[[Tensor, Tensor], Fitted]
PROBES: dict[str, Probe] = {"linear": linear, "network": lambda features, target: network(features, target, 0, 200)}


def draw(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noise features [B, M, 6], the cells of one thing, and those of another: each a fifth of all."""
    generator = torch.Generator().manual_seed(seed)
    features, place = torch.randn(CLIPS, CELLS, 6, generator=generator), torch.rand(CLIPS, CELLS, generator=generator)
    return features, place < 0.2, place > 0.8


def iou(fitted: Fitted, features: Tensor, target: Tensor, other: Tensor | None = None) -> tuple[float, float]:
    found = fitted.on(features, target, other)
    return float(found.both_B.sum() / found.either_B.sum()), float(found.picked_B.mean())


@pytest.mark.parametrize("name", PROBES)
def test_features_with_the_answer_find_everything(name: str) -> None:
    results = []
    for seed in (0, 1):
        features, target, other = draw(seed)
        results.append((torch.cat([features, target[..., None].float()], dim=-1), target, other))
    fitted = PROBES[name](*results[0][:2])
    overlap, picks = iou(fitted, *results[1])
    assert overlap > 0.99 and picks == 1


@pytest.mark.parametrize("name", PROBES)
def test_features_without_it_find_what_chance_finds(name: str) -> None:
    """At best all cells, a fifth of which are right; of two things either is as likely."""
    features, target, _ = draw(0)
    fitted = PROBES[name](features, target)
    overlap, picks = iou(fitted, *draw(1))
    assert overlap < 0.25
    assert 0.15 < picks < 0.85


def test_only_the_network_compares_what_is_seen_with_what_is_said() -> None:
    """The answer is where a channel of the cell has the sign of one that is the same all over the clip."""

    def compared(seed: int) -> tuple[Tensor, Tensor]:
        features, _, _ = draw(seed)
        features[..., 1] = torch.randn(CLIPS, 1, generator=torch.Generator().manual_seed(seed + 100))
        return features, (features[..., 0] * features[..., 1]) > 0.7

    fitted, held_out = compared(0), compared(1)
    assert iou(network(*fitted, 0), *held_out)[0] > 0.6
    assert iou(linear(*fitted), *held_out)[0] < 0.5


def test_a_probe_is_its_seeds() -> None:
    features, target, _ = draw(0)
    torch.rand(3)
    first, again, other = (network(features, target, seed, 20).score(features) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_half_precision_is_enough() -> None:
    features, target, _ = draw(0)
    whole, half = linear(features, target), linear(features.half(), target)
    torch.testing.assert_close(whole.score(features), half.score(features.half()), atol=2e-3, rtol=0)


def test_ridge_is_that_of_the_normal_equations() -> None:
    features, target, _ = draw(3)
    kept = features[: CLIPS - CLIPS // 8].flatten(0, 1)
    inputs = torch.cat([(kept - kept.mean(0)) / kept.std(0, unbiased=False), torch.ones(len(kept), 1)], dim=1).double()
    truth = target[: CLIPS - CLIPS // 8].flatten().double()
    weights = torch.linalg.lstsq(
        torch.cat([inputs, (1e-3 * len(kept)) ** 0.5 * torch.eye(7, dtype=torch.float64)]), torch.cat([truth, torch.zeros(7).double()])
    ).solution
    given = linear(features, target).score(features[:1])[0]
    scaled = (features[0] - kept.mean(0)) / kept.std(0, unbiased=False)
    torch.testing.assert_close(given, (scaled.double() @ weights[:6] + weights[6]).float(), atol=1e-4, rtol=1e-3)


def test_the_cut_is_the_best_of_all() -> None:
    generator = torch.Generator().manual_seed(5)
    scores = torch.randn(4, 50, generator=generator)
    target = scores + 0.5 * torch.randn(4, 50, generator=generator) > 1

    def overlap(cut: float) -> float:
        found = scores >= cut
        return float((found & target).sum() / (found | target).sum())

    assert overlap(threshold(scores, target)) == pytest.approx(max(overlap(float(cut)) for cut in scores.flatten()), abs=0.02)


def test_features_are_scaled_channel_by_channel() -> None:
    features = torch.randn(4, 30, 3) * torch.tensor([1.0, 5.0, 0.0]) + torch.tensor([0.0, 2.0, 7.0])
    scaled = Scale.of(features)(features)
    torch.testing.assert_close(scaled.mean(dim=(0, 1)), torch.zeros(3), atol=1e-2, rtol=0)
    torch.testing.assert_close(scaled.flatten(0, 1).std(dim=0, unbiased=False)[:2], torch.ones(2))
