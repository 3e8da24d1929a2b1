"""What is said of a clip when the miniature backbone is pretrained: the whole scene, or one of its things. Not the referring expressions.

Half of the captions name every thing in full ("a red circle moving left and a blue square standing still"), in random order; the others
name one thing, in full or by two of its attributes. Nothing makes sure that a caption fits one thing alone.
"""

from collections.abc import Sequence

import numpy as np

from vdit.benchmarks.world.scene import Scene, Thing
from vdit.benchmarks.world.sentences import MOTION_PHRASE

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
