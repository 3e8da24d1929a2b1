"""How one names a thing of the miniature world: by colour, shape, place and motion, such that it can be no other thing of its clip.

A word is certain of a thing, certainly wrong of it, or vague ("on the left" of what crosses the middle). A sentence names a thing when
all its words are certain of it, and at least one of them is certainly wrong of every other thing.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np

from vdit.benchmarks.world.paths import Motion
from vdit.benchmarks.world.scene import Scene, Thing

Place = Literal["left", "right", "top", "bottom"]
PLACES: tuple[Place, ...] = get_args(Place)
# "On the left" is certain of a centre within this share of the width in every frame, and wrong beyond the rest of it.
NEAR = 0.45
MOST_WORDS = 3

PLACE_PHRASE: dict[Place, str] = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}
MOTION_PHRASE: dict[Motion, str] = {
    "left": "moving left",
    "right": "moving right",
    "up": "moving up",
    "down": "moving down",
    "still": "standing still",
}


@dataclass(frozen=True)
class Description:
    """Which of a thing's attributes a sentence mentions."""

    colour: bool
    shape: bool
    place: Place | None
    motion: bool

    @property
    def words(self) -> int:
        return sum((self.colour, self.shape, self.place is not None, self.motion))


def choose(scene: Scene, thing: int, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """`count` different sentences that name the thing; fewer where there are no more. Short ones are as likely as long ones."""
    known = candidates(scene, thing)
    lengths = np.array([description.words for description in known])
    weights = np.array([1 / np.count_nonzero(lengths == length) for length in lengths])
    picked = rng.choice(len(known), size=min(count, len(known)), replace=False, p=weights / weights.sum()) if known else ()
    return tuple(say(known[index], scene.things[thing]) for index in picked)


def candidates(scene: Scene, thing: int) -> tuple[Description, ...]:
    """Every description of one to three words that names the thing and nothing else in the scene."""
    every = (Description(*mentioned) for mentioned in product((True, False), (True, False), (*PLACES, None), (True, False)))
    return tuple(description for description in every if 1 <= description.words <= MOST_WORDS and names(description, scene, thing))


def names(description: Description, scene: Scene, thing: int) -> bool:
    """Certain of the thing, and wrong of each other one."""
    named = scene.things[thing]
    if description.place is not None and not inside(scene, named, description.place):
        return False
    return all(differs(description, scene, named, other) for other in scene.things if other is not named)


def differs(description: Description, scene: Scene, named: Thing, other: Thing) -> bool:
    return (
        (description.colour and named.colour != other.colour)
        or (description.shape and named.shape != other.shape)
        or (description.motion and named.motion != other.motion)
        or (description.place is not None and inside(scene, other, opposite(description.place)))
    )


def inside(scene: Scene, thing: Thing, place: Place) -> bool:
    """Whether the thing's centre is certainly at the place in every frame."""
    share_T = thing.path[:, 0] / scene.width if place in ("left", "right") else thing.path[:, 1] / scene.height
    return bool(share_T.max() <= NEAR) if place in ("left", "top") else bool(share_T.min() >= 1 - NEAR)


def opposite(place: Place) -> Place:
    pairs: dict[Place, Place] = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    return pairs[place]


def say(description: Description, thing: Thing) -> str:
    """Colour, shape (or "object"), motion, place: the red object moving left at the top."""
    words = ["the"]
    words += [thing.colour] if description.colour else []
    words += [thing.shape] if description.shape else ["object"]
    words += [MOTION_PHRASE[thing.motion]] if description.motion else []
    words += [PLACE_PHRASE[description.place]] if description.place is not None else []
    return " ".join(words)
