"""The whole gate of one backbone: its clips, what is read off them under each seed, its table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Self

import numpy as np
from torch import Tensor

from vdit.backbones import modelscope
from vdit.config.data import World
from vdit.config.model import Model
from vdit.pretrain.gate import backbone as backbones
from vdit.pretrain.gate import binding, classifier, clips, denoising, foreground, fusion, readings, referent, samples
from vdit.pretrain.gate.backbone import Backbone
from vdit.pretrain.gate.clips import Clip
from vdit.pretrain.gate.interval import Array
from vdit.pretrain.gate.overlap import Overlap
from vdit.pretrain.gate.table import Gate, Row

Progress = Callable[[str], None]
# What noise and draws are for: two rows under one seed never see the same.
DENOISING, BINDING, SAMPLES, COMBINATIONS = range(4)
# Of everything: an eighth of the fitted clips chooses where a probe cuts.
LEAST = 8


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`clips` are denoised; `fitted` clips fit the probes, which are read on as many others as hold `same_colour` pairs of one colour.

    Of both the first `foreground` ones are for the probe of things and background, whose differences are large.
    `samples` are drawn for each seed, and judged by a classifier of `classified` true clips; `held_out` more say how good it is.
    """

    clips: int = 192
    fitted: int = 400
    same_colour: int = 200
    foreground: int = 200
    samples: int = 32
    classified: int = 2000
    held_out: int = 200

    @classmethod
    def scaled(cls, clips: int) -> Self:
        """All numbers as `clips` is to the usual one; few clips make wide intervals, so that rows asked for their interval fail."""
        usual = cls()
        return cls(**{name: max(LEAST, round(count * clips / usual.clips)) for name, count in asdict(usual).items()})


def run(
    weights: Path, model: Model, world: World, seeds: tuple[int, ...], progress: Progress, *, identity: str, sizes: Sizes = Sizes()
) -> Gate:
    """Every row, for a checkpoint folder of a text-to-video backbone; `progress` is told in lines.

    `identity` is what trials know these weights by: reports show the table of just those trials.

    Raises ValueError where the folder is not such a checkpoint, or the world lacks clips as the rows need them.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds are {list(seeds)}; give at least one, and each once")
    began = monotonic()
    backbone, drawn = backbones.load(weights, model), clips.pairs(world)
    rows = [
        *denoised(backbone, clips.take(drawn, sizes.clips, clips.anything), seeds, progress),
        *bound(backbone, clips.take(drawn, sizes.clips, binding.tells), seeds, progress),
        *probed(backbone, drawn, seeds, progress, sizes),
        *sampled(backbone, world, seeds, progress, sizes),
    ]
    about = {
        "weights": weights.name,
        "digest": identity,
        "trained": modelscope.drawn_from(weights) is None,
        "predicts": backbone.prediction,
        "features at timestep": model.diffusion.timestep,
        "layers read": ", ".join(dict.fromkeys((*model.pyramid.taps, "mid"))),
        "world": asdict(world),
        "seeds": list(seeds),
        "sizes": asdict(sizes),
        "seconds": round(monotonic() - began),
    }
    return Gate(about=about, rows=tuple(rows))


def denoised(backbone: Backbone, chosen: tuple[Clip, ...], seeds: tuple[int, ...], progress: Progress) -> list[Row]:
    """Row (a). Wrong words are drawn anew with each seed."""

    def captions(seed: int) -> dict[str, list[str]]:
        progress(f"(a) {len(chosen)} clips denoised under true and wrong captions, seed {seed}")
        rng = np.random.default_rng((seed, DENOISING))
        return by_kind([denoising.readings(clip.scene.things, rng) for clip in chosen])

    return denoising.rows(*errors(backbone, chosen, captions, [(seed, DENOISING) for seed in seeds]))


def bound(backbone: Backbone, chosen: tuple[Clip, ...], seeds: tuple[int, ...], progress: Progress) -> list[Row]:
    """Row (b)."""
    said = by_kind([binding.readings(clip.scene.things) for clip in chosen])

    def captions(seed: int) -> dict[str, list[str]]:
        progress(f"(b) {len(chosen)} clips denoised with colours exchanged, seed {seed}")
        return said

    return binding.rows(*errors(backbone, chosen, captions, [(seed, BINDING) for seed in seeds]))


def errors(
    backbone: Backbone, chosen: tuple[Clip, ...], captions: Callable[[int], dict[str, list[str]]], keys: Sequence[tuple[int, int]]
) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Of the backbone, and of the random control beside it, which hears the same captions. A key is a seed and what its noise is for."""
    frames, by_seed, control = clips.frames(chosen), [], []
    latents_BTCHW = backbone.latents(frames)
    for key in keys:
        said, drawn = captions(key[0]), backbones.untrained(backbone, key[0])
        by_seed.append(denoising.errors(backbone, latents_BTCHW, said, key))
        control.append(denoising.errors(drawn, drawn.latents(frames), said, key))
    return by_seed, control


def by_kind(captions: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """From captions of each clip to those of each kind."""
    return {kind: [of_clip[kind] for of_clip in captions] for kind in captions[0]}


def probed(backbone: Backbone, drawn: Iterator[Clip], seeds: tuple[int, ...], progress: Progress, sizes: Sizes) -> list[Row]:
    """Rows (c), (d) and (e)."""
    fitted = clips.take(drawn, sizes.fitted, referent.nameable)
    held_out = clips.take(drawn, sizes.same_colour, referent.nameable, clips.same_colour)
    both, by_seed = readings.sets(backbone, fitted, held_out), []
    for seed in seeds:
        progress(f"(c, d, e) probes fitted on {len(fitted)} clips and read on {len(held_out)} others, seed {seed}")
        by_seed.append(readings.of_seed(backbone, both, sizes.foreground, seed))
    found = {name: Overlap.of([of_seed[name] for of_seed in by_seed]) for name in by_seed[0]}
    same_B = np.array([clips.same_colour(clip) for clip in held_out])
    return [*referent.rows(found, same_B), *fusion.rows(found, same_B), *foreground.rows(found)]


def sampled(backbone: Backbone, world: World, seeds: tuple[int, ...], progress: Progress, sizes: Sizes) -> list[Row]:
    """Row (f): each seed's samples by a classifier of that seed; what true clips and their middle frames show is by the first's."""
    stream = samples.alone(world)
    fitted, others = (tuple(islice(stream, count)) for count in (sizes.classified, sizes.held_out))
    latents, truths = zip(*(true_clips(backbone, some) for some in (fitted, others)), strict=True)
    by_seed, networks, shape_TCHW = [], [], tuple(latents[0].shape[1:])
    for seed in seeds:
        progress(f"(f) {sizes.samples} samples, and a classifier of them fitted on {sizes.classified} clips, seed {seed}")
        networks.append(classifier.fit(latents[0], truths[0], seed))
        things = samples.combinations(fitted[0].scene.things[0], sizes.samples, seed, COMBINATIONS)
        by_seed.append(samples.judged(networks[-1], backbone, things, shape_TCHW, seed, SAMPLES))
    stills = [samples.still(latents_BTChw) for latents_BTChw in latents]
    by_frame = classifier.fit(stills[0], truths[0], seeds[0])
    true, still = (
        samples.Shown(classifier.hits(network, read_BTChw, truths[1]), len(others))
        for network, read_BTChw in ((networks[0], latents[1]), (by_frame, stills[1]))
    )
    return samples.rows(by_seed, true, still)


def true_clips(backbone: Backbone, some: Sequence[Clip]) -> tuple[Tensor, dict[str, Tensor]]:
    """Latents of clips of one thing, and what they show."""
    return backbone.latents(clips.frames(tuple(some))), classifier.labels([clip.scene.things[0] for clip in some])
