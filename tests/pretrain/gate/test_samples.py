"""Oracles: a sampler that draws what it is told, one that draws anything; a classifier on clips it has not seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
import torch
from torch import Tensor

from vdit.benchmarks.world import captions
from vdit.benchmarks.world.captions import ATTRIBUTES, VALUES
from vdit.config.data import World
from vdit.pretrain.gate import classifier, samples
from vdit.pretrain.gate.samples import Shown

WORLD = World(seed=5, frames=3, height=32, width=64)
ALPHAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0).double()
FIRST = next(samples.alone(WORLD)).scene.things[0]
EVERY = samples.combinations(FIRST, 240, 0)
SAID = {captions.whole((thing,)): thing for thing in EVERY}


def test_clips_of_one_thing_show_one() -> None:
    for clip in islice(samples.alone(WORLD), 5):
        assert len(clip.scene.things) == 1 and set(np.unique(clip.cells_Thw)) == {0, 1}
        assert clip.frames_THW3.shape == (3, 32, 64, 3)


def test_combinations_are_all_before_any_comes_twice() -> None:
    assert len(SAID) == 240
    assert set(Counter(thing.colour for thing in EVERY).values()) == {30}
    assert [thing.shape for thing in EVERY] != [thing.shape for thing in samples.combinations(FIRST, 240, 1)]
    assert samples.combinations(FIRST, 250, 0)[240:] == samples.combinations(FIRST, 10, 0)


@dataclass
class Draws:
    """A clip that holds, in one channel each, the places of a thing's values among all; of which thing is decided by the caption or not."""

    listens: bool
    alphas_cumprod: Tensor = ALPHAS

    def clean(self, caption: str) -> Tensor:
        thing = SAID.get(caption) if self.listens else EVERY[0]
        places = [0] * 3 if thing is None else [VALUES[name].index(getattr(thing, name)) for name in ATTRIBUTES]
        return torch.tensor(places).float().view(1, 3, 1, 1).expand(3, 3, 4, 8)

    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Sequence[str]]) -> list[Tensor]:
        share = float(ALPHAS[timestep])
        clean = [torch.stack([self.clean(caption) for caption in texts]) for texts in captions]
        return [(noisy_BTCHW - share**0.5 * clean_BTCHW) / (1 - share) ** 0.5 for clean_BTCHW in clean]


class Reads(classifier.Classifier):
    """Reads what `Draws` draws; guidance takes the places three times as far."""

    def forward(self, latents_BTChw: Tensor) -> dict[str, Tensor]:
        places_B3 = latents_BTChw.mean(dim=(1, 3, 4)) / 3
        return {name: -(torch.arange(len(VALUES[name])) - places_B3[:, [index]]).square() for index, name in enumerate(ATTRIBUTES)}


@pytest.mark.parametrize(("listens", "passed"), [(True, True), (False, False)])
def test_samples_of_what_is_said_pass_and_others_do_not(listens: bool, passed: bool) -> None:
    things = samples.combinations(FIRST, 48, 3)
    shown = [samples.judged(Reads(3, 3), Draws(listens), things, (3, 3, 4, 8), seed) for seed in (0, 1)]
    assert shown[0] == Shown({name: 48 for name in ATTRIBUTES}, 48) or not listens
    rows = samples.rows(shown, Shown({name: 9 for name in ATTRIBUTES}, 10), Shown({"colour": 1, "shape": 1, "motion": 7}, 10))
    assert [row.passed for row in rows] == [passed] * 3 + [None] * 4
    assert [row.figure for row in rows[3:]] == [0.9] * 3 + [0.7] and rows[0].count == 96


def test_just_above_chance_is_not_enough() -> None:
    true = Shown({name: 1 for name in ATTRIBUTES}, 1)
    rows = samples.rows([Shown({"colour": 16, "shape": 30, "motion": 30}, 100)], true, true)
    assert [row.passed for row in rows[:3]] == [False, True, True]


def test_a_still_is_its_clips_middle_frame_throughout() -> None:
    clips_BTChw = torch.arange(10.0).view(2, 5, 1, 1, 1)
    assert torch.equal(samples.still(clips_BTChw)[:, :, 0, 0, 0], torch.tensor([[2.0], [7.0]]).expand(2, 5))


def test_labels_are_places_among_all_values() -> None:
    assert [VALUES[name][int(place)] for name, place in classifier.labels([FIRST]).items()] == [FIRST.colour, FIRST.shape, FIRST.motion]


@pytest.mark.slow
def test_a_classifier_reads_clips_it_was_not_fitted_on() -> None:
    """Of pictures shrunk to the latents' grid, since no autoencoder is trained here."""
    stream = samples.alone(WORLD)
    clips = list(islice(stream, 700))
    frames = torch.from_numpy(np.stack([clip.frames_THW3 for clip in clips])).permute(0, 1, 4, 2, 3).float() / 128 - 1
    small = torch.nn.functional.avg_pool2d(frames.flatten(0, 1), 4).unflatten(0, frames.shape[:2])
    truth = classifier.labels([clip.scene.things[0] for clip in clips])
    network = classifier.fit(small[:600], {name: places[:600] for name, places in truth.items()}, 0)
    found = classifier.hits(network, small[600:], {name: places[600:] for name, places in truth.items()})
    assert found["colour"] > 70 and found["motion"] > 60 and found["shape"] > 35
