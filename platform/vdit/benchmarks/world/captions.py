"""What is said of a clip when the miniature backbone is pretrained: the whole scene, or one of its things.

Two captions of three name every thing in full ("a red circle moving left and a blue bar standing still"), in random order; the others
tell one thing from the rest ("the blue object on the right"), as referring expressions do, but of clips that no benchmark has: without
them no feature would have to say which thing is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Literal, get_args

import numpy as np

from vdit.benchmarks.world import sentences
from vdit.benchmarks.world.paths import MOTIONS, Motion
from vdit.benchmarks.world.scene import COLOURS, SHAPES, Colour, Scene, Shape, Thing

# What a caption tells of a thing, and what there is of each.
Attribute = Literal["colour", "shape", "motion"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
VALUES: Mapping[Attribute, tuple[str, ...]] = {"colour": COLOURS, "shape": SHAPES, "motion": MOTIONS}
WHOLE = 2 / 3


def choose(scene: Scene, rng: np.random.Generator) -> str:
    """One caption of the scene."""
    if rng.random() < WHOLE:
        return whole([scene.things[index] for index in rng.permutation(len(scene.things))])
    return refer(scene, rng)


def refer(scene: Scene, rng: np.random.Generator) -> str:
    """A sentence that names one thing of the scene, or its full description where no sentence names it alone."""
    thing = int(rng.integers(len(scene.things)))
    said = sentences.choose(scene, thing, 1, rng)
    return said[0] if said else phrase(scene.things[thing])


def whole(things: Sequence[Thing]) -> str:
    """Every thing in full."""
    return joined([phrase(thing) for thing in things])


def joined(phrases: Sequence[str]) -> str:
    return " and ".join(phrases)


def phrase(thing: Thing) -> str:
    return described(thing.shape, thing.colour, thing.motion)


def described(shape: Shape, colour: Colour, motion: Motion) -> str:
    """a red circle moving left"""
    article = "an" if colour[0] in "aeiou" else "a"
    return f"{article} {colour} {shape} {sentences.MOTION_PHRASE[motion]}"


def wrong(things: Sequence[Thing], attribute: Attribute, rng: np.random.Generator) -> tuple[Thing, ...]:
    """The things with values of `attribute` that none of them has; those that had the same still have.

    Of more things than there are other values some get the same that had not.
    """
    had = list(dict.fromkeys(getattr(thing, attribute) for thing in things))
    others = [value for value in VALUES[attribute] if value not in had]
    given = dict(zip(had, cycle(rng.permutation(others).tolist()), strict=False))
    # A dictionary, since mypy cannot see which field is meant.
    return tuple(replace(thing, **dict[str, Any]({attribute: given[getattr(thing, attribute)]})) for thing in things)
