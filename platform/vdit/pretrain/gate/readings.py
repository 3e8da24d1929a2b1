"""What rows (c), (d) and (e) share: clips that fit the probes and clips that they are read on, and their features, one seed at a time."""

# B clips, M cells of a clip (T x h x w), C channels

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from vdit.pretrain.gate import clips, foreground, fusion, probe, referent
from vdit.pretrain.gate.backbone import Backbone, untrained
from vdit.pretrain.gate.clips import Clip
from vdit.pretrain.gate.probe import Found

# What noise and draws are for, so that the two sets never see the same.
FITTED, HELD_OUT = 10, 11


@dataclass(frozen=True)
class Set:
    """Clips and their latents under the backbone; `number` sets their draws apart."""

    clips: tuple[Clip, ...]
    latents_BTChw: Tensor
    number: int

    @classmethod
    def of(cls, backbone: Backbone, chosen: tuple[Clip, ...], number: int) -> Self:
        return cls(chosen, backbone.latents(clips.frames(chosen)), number)


Sets = tuple[Set, Set]  # fitted, held out


def sets(backbone: Backbone, fitted: tuple[Clip, ...], held_out: tuple[Clip, ...]) -> Sets:
    return Set.of(backbone, fitted, FITTED), Set.of(backbone, held_out, HELD_OUT)


def of_seed(backbone: Backbone, both: Sets, foremost: int, seed: int) -> dict[str, Found]:
    """What each way of hearing the words finds of the meant thing, and what features without words find of all things.

    The latter on the `foremost` clips of both sets alone. Random weights are asked both, raw latents what can be asked without words.
    """
    asked = [referent.ask(one.clips, seed, one.number) for one in both]
    summaries = [backbone.summaries(one.said) for one in asked]
    things = [foreground.things(one.clips[:foremost]) for one in both]

    def meant(features: Sequence[Tensor]) -> Found:
        fitted, held_out = asked
        return probe.network(features[0], fitted.meant_BM, seed).on(features[1], held_out.meant_BM, held_out.other_BM)

    def late(features: Sequence[Tensor]) -> Found:
        return meant([fusion.added(*parts) for parts in zip(features, summaries, strict=True)])

    def anything(features: Sequence[Tensor]) -> Found:
        fitted, held_out = (one[:foremost] for one in features)
        return probe.linear(fitted, things[0]).on(held_out, things[1])

    def spoken(reader: Backbone, given: Sets) -> Found:
        return meant([read(reader, one, heard.said, seed) for one, heard in zip(given, asked, strict=True)])

    found = {referent.WITH: spoken(backbone, both)}
    silent = [unspoken(backbone, one, seed) for one in both]
    raw = [fusion.neighbourhoods(one.latents_BTChw) for one in both]
    found |= {referent.WITHOUT: meant(silent), fusion.LATE: late(silent), fusion.LATE_LATENTS: late(raw)}
    found |= {foreground.TRAINED: anything(silent), foreground.LATENTS: anything(raw), referent.LATENTS: meant(raw)}
    control = untrained(backbone, seed)
    drawn = sets(control, both[0].clips, both[1].clips)
    unheard = [unspoken(control, one, seed) for one in drawn]
    found |= {foreground.RANDOM: anything(unheard), referent.RANDOM_WITHOUT: meant(unheard)}
    return found | {referent.RANDOM_WITH: spoken(control, drawn)}


def read(backbone: Backbone, given: Set, said: Sequence[str], seed: int) -> Tensor:
    """[B, M, C]"""
    return referent.read(backbone, given.latents_BTChw, said, seed, given.number)


def unspoken(backbone: Backbone, given: Set, seed: int) -> Tensor:
    """[B, M, C] without words."""
    return read(backbone, given, [""] * len(given.clips), seed)
