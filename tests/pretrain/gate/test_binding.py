"""Oracles: captions by hand; denoisers that hear words and not their order, or hear nothing, or know the truth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vdit.benchmarks.world.scene import Thing
from vdit.config.data import World
from vdit.pretrain.gate import binding, denoising
from vdit.pretrain.gate.clips import Clip, pairs, take

ALPHAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).square().neg().add(1).cumprod(0).double()
CLIPS = take(pairs(World(seed=5, frames=3, height=32, width=64)), 10, binding.tells)
EMPTY = torch.zeros(len(CLIPS), 3, 4, 4, 8)
SAID = [binding.readings(clip.scene.things) for clip in CLIPS]
KINDS = {kind: [one[kind] for one in SAID] for kind in SAID[0]}


@dataclass
class Hears:
    """Off by one under a caption whose key is not among the true ones' keys."""

    ordered: bool
    alphas_cumprod: Tensor = ALPHAS

    def key(self, caption: str) -> object:
        return caption if self.ordered else frozenset(Counter(caption.split()).items())

    def noise(self, noisy_BTCHW: Tensor, timestep: int, captions: Sequence[Sequence[str]]) -> list[Tensor]:
        true = {self.key(caption) for caption in KINDS[denoising.TRUE]}
        off = [torch.tensor([0.5 if self.key(caption) in true else 1.0 for caption in texts]) for texts in captions]
        return [noisy_BTCHW / (1 - float(ALPHAS[timestep])) ** 0.5 + off_B.view(-1, 1, 1, 1, 1) for off_B in off]


def pair(**of_other: str) -> tuple[Thing, Thing]:
    thing = replace(CLIPS[0].scene.things[0], colour="red", shape="circle", motion="left")
    return thing, replace(thing, **of_other)  # type: ignore[arg-type]


def test_colours_are_exchanged_and_nothing_else() -> None:
    assert binding.readings(pair(colour="blue", shape="bar", motion="still")) == {
        denoising.TRUE: "a red circle moving left and a blue bar standing still",
        binding.EXCHANGED: "a blue circle moving left and a red bar standing still",
    }


def test_captions_that_stay_true_tell_nothing() -> None:
    def tells(**of_other: str) -> bool:
        things = pair(**of_other)
        return binding.tells(Clip(replace(CLIPS[0].scene, things=things), CLIPS[0].frames_THW3, CLIPS[0].cells_Thw))

    assert tells(colour="blue", shape="bar") and tells(colour="blue", motion="up")
    assert not tells(colour="blue") and not tells(shape="bar", motion="up")


def test_a_bag_of_words_fails_and_who_knows_the_order_passes() -> None:
    deaf, hears = ([denoising.errors(Hears(ordered), EMPTY, KINDS, (seed, 1)) for seed in (0, 1)] for ordered in (False, True))
    bag, knows, control = binding.rows(deaf, deaf)[0], *binding.rows(hears, deaf)
    assert bag.passed is False and abs(bag.figure) < 1e-2
    assert knows.passed is True and abs(knows.figure - 300) < 1
    assert control.passed is None and control.figure == bag.figure


def test_a_difference_that_may_be_chance_does_not_pass() -> None:
    """Half of the clips get worse by a tenth, the other half better by a little less."""
    true = np.ones((5, 10))
    mixed = true * np.where(np.arange(10) % 2, 1.10, 0.93)
    given = [{denoising.TRUE: true, binding.EXCHANGED: mixed}]
    found = binding.rows(given, given)[0]
    assert found.figure > binding.BOUND and found.low < 0 and found.passed is False
