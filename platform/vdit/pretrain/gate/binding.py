"""Row (b): whether a backbone knows which colour is whose: the error when two things exchange their colours in the caption."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vdit.benchmarks.world import captions
from vdit.benchmarks.world.scene import Thing
from vdit.pretrain.gate import denoising
from vdit.pretrain.gate.clips import Clip
from vdit.pretrain.gate.denoising import TRUE
from vdit.pretrain.gate.interval import Array
from vdit.pretrain.gate.table import Row, verdict

BOUND = 1.0  # per cent
EXCHANGED = "colours exchanged"


def tells(clip: Clip) -> bool:
    """Whether exchanging the colours makes the caption wrong: of things that agree in all else it would still be right."""
    one, other = clip.scene.things
    return one.colour != other.colour and (one.shape, one.motion) != (other.shape, other.motion)


def exchanged(things: Sequence[Thing]) -> tuple[Thing, Thing]:
    """Two things, each with the other's colour."""
    one, other = things
    return replace(one, colour=other.colour), replace(other, colour=one.colour)


def readings(things: Sequence[Thing]) -> dict[str, str]:
    return {TRUE: captions.whole(things), EXCHANGED: captions.whole(exchanged(things))}


def rows(by_seed: Sequence[Mapping[str, Array]], untrained: Sequence[Mapping[str, Array]]) -> list[Row]:
    """Of the errors under each seed, of the backbone and of random weights."""
    found, control = (denoising.overall(errors, EXCHANGED) for errors in (by_seed, untrained))
    says, clips = "error with the colours of the two things exchanged, above the true caption's", denoising.clips_of(by_seed)
    bound, passed = f"mean over t at least +{BOUND:.0f} %, and the interval above 0", found.low > 0 and found.figure >= BOUND
    note = denoising.listed(denoising.at_each(by_seed, EXCHANGED))
    return [
        verdict("b", says, "%", found, clips, bound=bound, passed=passed, note=note),
        verdict("b", f"{says}, random weights", "%", control, clips),
    ]
