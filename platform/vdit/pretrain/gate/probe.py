"""Probes of frozen features, cell by cell: a linear one (ridge) and a small network, and what they find on other clips."""

# B clips, M cells of a clip (T x H x W), N cells of many clips, C channels

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vdit.pretrain.gate.interval import Array

HIDDEN = 64
STEPS, CELLS = 800, 2048  # and cells in each, drawn with replacement
RATE, DECAY = 2e-3, 1e-4
RIDGE = 1e-3  # of the number of cells, for features of unit spread
# The last eighth of the fitted clips does not fit the probe: it chooses the score from which on a cell counts as found.
HELD_BACK = 8
LEVELS = 400

Score = Callable[[Tensor], Tensor]  # features [B, M, C] -> scores [B, M]


@dataclass(frozen=True)
class Found:
    """By clip: cells in both, cells in either, and whether the meant thing outscores the other (NaN where there is no other)."""

    both_B: Array
    either_B: Array
    picked_B: Array


@dataclass(frozen=True)
class Fitted:
    score: Score
    threshold: float

    def on(self, features_BMC: Tensor, target_BM: Tensor, other_BM: Tensor | None = None) -> Found:
        """What is found of a target on other clips; `other_BM` are the cells that it could be confused with."""
        scores_BM = self.score(features_BMC)
        found_BM = scores_BM >= self.threshold
        picked_B = torch.full((len(scores_BM),), torch.nan)
        if other_BM is not None:
            picked_B = (inside(scores_BM, target_BM) > inside(scores_BM, other_BM)).float()
        counts = ((found_BM & target_BM).sum(dim=1), (found_BM | target_BM).sum(dim=1), picked_B)
        return Found(*(count.double().numpy() for count in counts))


def inside(scores_BM: Tensor, cells_BM: Tensor) -> Tensor:
    """[B]: the mean score of some cells of each clip."""
    return (scores_BM * cells_BM).sum(dim=1) / cells_BM.sum(dim=1)


@dataclass(frozen=True)
class Scale:
    """Mean and spread [C] of the features that a probe is fitted on."""

    mean_C: Tensor
    spread_C: Tensor

    @classmethod
    def of(cls, features_BMC: Tensor) -> Self:
        """Clip by clip, since features are kept in half precision."""
        means_BC = torch.stack([features_MC.float().mean(dim=0) for features_MC in features_BMC])
        squares_BC = torch.stack([features_MC.float().square().mean(dim=0) for features_MC in features_BMC])
        mean_C = means_BC.mean(dim=0)
        return cls(mean_C, (squares_BC.mean(dim=0) - mean_C.square()).clamp_min(1e-8).sqrt())

    def __call__(self, features: Tensor) -> Tensor:
        return (features.float() - self.mean_C) / self.spread_C


def network(features_BMC: Tensor, target_BM: Tensor, seed: int, steps: int = STEPS) -> Fitted:
    """One hidden layer, which can compare what a cell shows with what was said; drawn, fed and fitted from `seed`."""
    kept = len(features_BMC) - len(features_BMC) // HELD_BACK
    scale, generator = Scale.of(features_BMC[:kept]), torch.Generator().manual_seed(seed)
    inputs_NC, target_N = features_BMC[:kept].flatten(0, 1), target_BM[:kept].flatten().float()
    layers = nn.Sequential(nn.Linear(inputs_NC.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.0, generator=generator)
    optimiser = torch.optim.AdamW(layers.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        drawn = torch.randint(len(inputs_NC), (CELLS,), generator=generator)
        loss = binary_cross_entropy_with_logits(layers(scale(inputs_NC[drawn]))[:, 0], target_N[drawn])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()

    @torch.no_grad()
    def score(given_BMC: Tensor) -> Tensor:
        return torch.stack([layers(scale(given_MC))[:, 0] for given_MC in given_BMC])

    return Fitted(score, threshold(score(features_BMC[kept:]), target_BM[kept:]))


def linear(features_BMC: Tensor, target_BM: Tensor) -> Fitted:
    """Ridge regression of the target on the features of a cell."""
    kept = len(features_BMC) - len(features_BMC) // HELD_BACK
    scale, channels = Scale.of(features_BMC[:kept]), features_BMC.shape[-1] + 1
    gram_CC, moment_C = torch.zeros(channels, channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
    for features_MC, target_M in zip(features_BMC[:kept], target_BM[:kept], strict=True):
        inputs_MC = with_one(scale(features_MC))
        gram_CC += (inputs_MC.T @ inputs_MC).double()
        moment_C += (inputs_MC.T @ target_M.float()).double()
    gram_CC += RIDGE * kept * features_BMC.shape[1] * torch.eye(channels, dtype=torch.float64)
    weights_C = torch.linalg.solve(gram_CC, moment_C).float()

    def score(given_BMC: Tensor) -> Tensor:
        return torch.stack([with_one(scale(given_MC)) @ weights_C for given_MC in given_BMC])

    return Fitted(score, threshold(score(features_BMC[kept:]), target_BM[kept:]))


def with_one(features_MC: Tensor) -> Tensor:
    return torch.cat([features_MC, torch.ones(len(features_MC), 1)], dim=1)


def threshold(scores_BM: Tensor, target_BM: Tensor) -> float:
    """The score of the greatest IoU over all clips together, among the upper quantiles: a target is less than half of the cells."""
    levels = torch.quantile(scores_BM.flatten(), torch.linspace(0.5, 1, LEVELS))
    found = [scores_BM >= level for level in levels]
    overlaps = torch.stack([(one & target_BM).sum() / (one | target_BM).sum() for one in found])
    return float(levels[int(overlaps.argmax())])
