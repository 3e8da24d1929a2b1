"""Oracles: a denoiser that hears nothing, one that knows which captions are true; captions built by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from vdit.benchmarks.world import captions
from vdit.benchmarks.world.captions import ATTRIBUTES
from vdit.config.data import World
from vdit.pretrain.gate.clips import anything, pairs, take
from vdit.pretrain.gate.denoising import NOTHING, TIMESTEPS, TRUE, at_each, errors, readings, rows

ALPHAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0).double()
CLIPS = take(pairs(World(seed=5, frames=3, height=32, width=64)), 12, anything)
# Of nothing but noise the noise is known; what a fake says of it is off by as much as it shall be.
EMPTY = torch.zeros(len(CLIPS), 3, 4, 4, 8)


@dataclass
class Fake:
    """Off by `near` under one of the captions it `knows`, by `far` under any other."""

    near: float
    far: float
    knows: frozenset[str] = frozenset()
    alphas_cumprod: Tensor = ALPHAS
    heard: list[tuple[int, Tensor]] = field(default_factory=list)

    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Sequence[str]]) -> list[Tensor]:
        self.heard.append((timestep, noisy_BTCHW))
        off = [torch.tensor([self.near if caption in self.knows else self.far for caption in texts]) for texts in captions]
        return [noisy_BTCHW / (1 - float(ALPHAS[timestep])) ** 0.5 + off_B.view(-1, 1, 1, 1, 1) for off_B in off]


def said() -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    each = [readings(clip.scene.things, rng) for clip in CLIPS]
    return {kind: [one[kind] for one in each] for kind in each[0]}


def test_captions_are_the_worlds() -> None:
    kinds = said()
    assert set(kinds) == {TRUE, *ATTRIBUTES, NOTHING}
    assert kinds[TRUE] == [captions.whole(clip.scene.things) for clip in CLIPS]
    assert set(kinds[NOTHING]) == {""}
    assert all(kinds[TRUE][clip] != kinds[attribute][clip] for attribute in ATTRIBUTES for clip in range(len(CLIPS)))


def test_errors_are_what_a_denoiser_is_off_by() -> None:
    kinds = said()
    found = errors(Fake(near=1.0, far=1.5, knows=frozenset(kinds[TRUE])), EMPTY, kinds, (0, 0))
    assert found[TRUE] == pytest.approx(np.ones((len(TIMESTEPS), len(CLIPS))), rel=1e-4)
    assert all(found[kind] == pytest.approx(np.full((len(TIMESTEPS), len(CLIPS)), 2.25), rel=1e-4) for kind in (*ATTRIBUTES, NOTHING))
    assert at_each([found, found], "shape") == pytest.approx([125.0] * 5, rel=1e-3)


def test_noise_is_another_at_each_timestep_and_under_each_seed() -> None:
    fake = Fake(near=1.0, far=1.0)
    errors(fake, EMPTY, said(), (3, 0))
    assert [timestep for timestep, _ in fake.heard] == list(TIMESTEPS)
    assert len({noisy.numpy().tobytes() for _, noisy in fake.heard}) == len(TIMESTEPS)
    other = Fake(near=1.0, far=1.0)
    errors(other, EMPTY, said(), (4, 0))
    assert not torch.equal(fake.heard[0][1], other.heard[0][1])


def test_who_hears_nothing_fails_and_who_knows_passes() -> None:
    kinds = said()
    deaf = [errors(Fake(near=1.0, far=1.0), EMPTY, kinds, (seed, 0)) for seed in (0, 1)]
    assert [row.passed for row in rows(deaf, deaf)] == [False] * 3 + [None] * 4
    assert all(row.figure == pytest.approx(0, abs=1e-2) for row in rows(deaf, deaf))
    knowing = Fake(near=1.0, far=1.1, knows=frozenset(kinds[TRUE]))
    passed = rows([errors(knowing, EMPTY, kinds, (seed, 0)) for seed in (0, 1)], deaf)
    assert [row.passed for row in passed] == [True] * 3 + [None] * 4
    assert passed[0].figure == pytest.approx(21, rel=1e-2)
    assert passed[0].low <= passed[0].figure <= passed[0].high and passed[0].count == len(CLIPS)
    assert passed[0].note.count("+21.0 %") == 5
    assert all(row.says.endswith("random weights") and row.figure == pytest.approx(0, abs=1e-2) for row in passed[4:])


def test_one_timestep_that_is_not_worse_fails() -> None:
    """The mean would do."""
    true = np.ones((len(TIMESTEPS), 10))
    worse = true * np.array([[1.3], [1.3], [1.3], [1.3], [1.04]])
    found = rows([{TRUE: true, NOTHING: true, **dict.fromkeys(ATTRIBUTES, worse)}], [{TRUE: true, **dict.fromkeys(ATTRIBUTES, true)}])
    assert found[0].low > 5 and [row.passed for row in found[:3]] == [False] * 3


def test_a_mean_that_may_be_less_by_chance_fails() -> None:
    true = np.ones((len(TIMESTEPS), 10))
    mixed = true * np.where(np.arange(10) % 2, 1.3, 0.9)
    found = rows([{TRUE: true, NOTHING: true, **dict.fromkeys(ATTRIBUTES, mixed)}], [{TRUE: true, **dict.fromkeys(ATTRIBUTES, true)}])
    assert found[0].figure == pytest.approx(10) and found[0].low < 5 and [row.passed for row in found[:3]] == [False] * 3


def test_one_attribute_that_is_not_heard_fails_alone() -> None:
    """As the first miniature, which knew colours and nothing of motion."""
    kinds = said()
    given = [errors(Fake(near=1.0, far=1.1, knows=frozenset((*kinds[TRUE], *kinds["motion"]))), EMPTY, kinds, (0, 0))]
    assert [row.passed for row in rows(given, given)[:3]] == [True, True, False]
