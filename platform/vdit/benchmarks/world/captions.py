"""What is said of a clip when the miniature backbone is pretrained: the whole scene, or one of its things. Not the referring expressions.

Half of the captions name every thing in full ("a red circle moving left and a blue square standing still"), in random order; the others
name one thing, in full or by two of its attributes. Nothing makes sure that a caption fits one thing alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Literal, get_args

import numpy as np

from vdit.benchmarks.world.paths import MOTIONS
from vdit.benchmarks.world.scene import COLOURS, SHAPES, Scene, Thing
from vdit.benchmarks.world.sentences import MOTION_PHRASE

# What a caption tells of a thing, and what there is of each.
Attribute = Literal["colour", "shape", "motion"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
VALUES: Mapping[Attribute, tuple[str, ...]] = {"colour": COLOURS, "shape": SHAPES, "motion": MOTIONS}
WHOLE = 0.5
FULL = 0.5
FADED: tuple[frozenset[str], ...] = (frozenset({"colour"}), frozenset({"shape"}), frozenset({"motion"}))


def choose(scene: Scene, rng: np.random.Generator) -> str:
    """One caption of the scene."""
    if rng.random() < WHOLE:
        return whole([scene.things[index] for index in rng.permutation(len(scene.things))])
    thing = scene.things[rng.integers(len(scene.things))]
    return phrase(thing) if rng.random() < FULL else phrase(thing, FADED[rng.integers(len(FADED))])


def whole(things: Sequence[Thing]) -> str:
    """Every thing in full."""
    return " and ".join(phrase(thing) for thing in things)


def phrase(thing: Thing, without: frozenset[str] = frozenset()) -> str:
    """a red circle moving left; a red object; attributes in `without` (colour, shape, motion) are not mentioned."""
    words: list[str] = [] if "colour" in without else [thing.colour]
    words += ["object"] if "shape" in without else [thing.shape]
    words += [] if "motion" in without else [MOTION_PHRASE[thing.motion]]
    return " ".join(["an" if words[0][0] in "aeiou" else "a", *words])


def wrong(things: Sequence[Thing], attribute: Attribute, rng: np.random.Generator) -> tuple[Thing, ...]:
    """The things with values of `attribute` that none of them has; those that had the same still have.

    Of more things than there are other values some get the same that had not.
    """
    had = list(dict.fromkeys(getattr(thing, attribute) for thing in things))
    others = [value for value in VALUES[attribute] if value not in had]
    given = dict(zip(had, cycle(rng.permutation(others).tolist()), strict=False))
    # A dictionary, since mypy cannot see which field is meant.
    return tuple(replace(thing, **dict[str, Any]({attribute: given[getattr(thing, attribute)]})) for thing in things)
