"""Row (f): whether samples show the colour, the shape and the motion that their caption names, by a classifier of true clips."""

# B clips, T frames, C latent channels, h w latent size

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from vdit.benchmarks.world import captions, paths, scene
from vdit.benchmarks.world.captions import ATTRIBUTES, VALUES
from vdit.benchmarks.world.scene import Scene, Thing
from vdit.config.data import World
from vdit.pretrain.gate import classifier, ddim
from vdit.pretrain.gate.backbone import Denoiser, chunks
from vdit.pretrain.gate.clips import Clip, gaussian, render, visible
from vdit.pretrain.gate.interval import wilson
from vdit.pretrain.gate.table import Row, verdict


@dataclass(frozen=True)
class Shown:
    """How many of so many clips show what they should, by attribute."""

    hits: dict[str, int]
    of: int


def alone(world: World) -> Iterator[Clip]:
    """Clips of one visible thing from split "train", in the order of their numbers."""
    number = 0
    while True:
        rng = scene.generator(world, "train", number)
        camera_T2 = paths.pan(world, rng)
        thing = scene.create(world, "train", [], camera_T2, rng)
        drawn = Scene(world.height, world.width, (thing,), (0,), int(rng.integers(2**32)), camera_T2, np.ones(world.frames))
        number += 1
        if visible(clip := render(drawn)):
            yield clip


def combinations(like: Thing, count: int, *key: int) -> tuple[Thing, ...]:
    """Things of different colour, shape and motion, all as often as `count` allows, in an order that `key` draws."""
    every = list(product(*VALUES.values()))
    order = np.random.default_rng(key).permutation(len(every)).tolist()
    picked = (every[order[index % len(every)]] for index in range(count))
    return tuple(replace(like, colour=colour, shape=shape, motion=motion) for colour, shape, motion in picked)


def still(latents_BTChw: Tensor) -> Tensor:
    """The middle frame of each clip in place of all its frames: what is read off them is no motion, but what one frame shows of it."""
    frames = latents_BTChw.shape[1]
    return latents_BTChw[:, [frames // 2] * frames]


def judged(network: classifier.Classifier, denoiser: Denoiser, things: Sequence[Thing], shape_TChw: tuple[int, ...], *key: int) -> Shown:
    """Of a sample for each thing's caption."""
    noise_BTChw = gaussian((len(things), *shape_TChw), *key)
    said = [captions.whole((thing,)) for thing in things]
    latents_BTChw = torch.cat([ddim.sample(denoiser, noise_BTChw[part], said[part]) for part in chunks(len(things))])
    return Shown(classifier.hits(network, latents_BTChw, classifier.labels(things)), len(things))


def rows(by_seed: Sequence[Shown], true: Shown, stills: Shown) -> list[Row]:
    """Of the samples under each seed; `true` is what is read off true clips that no classifier was fitted on, `stills` off one frame."""
    listed, of = [], sum(shown.of for shown in by_seed)
    for attribute in ATTRIBUTES:
        chance = 1 / len(VALUES[attribute])
        found = wilson(sum(shown.hits[attribute] for shown in by_seed), of)
        bound = f"the interval above chance, {100 * chance:.1f} %"
        says = f"samples that show the {attribute} they are to show"
        listed.append(verdict("f", says, "share", found, of, bound=bound, passed=found.low > chance))
    read = [(attribute, "a classifier reads right", true) for attribute in ATTRIBUTES]
    for attribute, by, shown in (*read, ("motion", "a classifier of single frames reads right", stills)):
        says = f"true clips whose {attribute} {by}"
        listed.append(verdict("f", says, "share", wilson(shown.hits[attribute], shown.of), shown.of))
    return listed
