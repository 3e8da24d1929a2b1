"""What happens in a clip of the miniature world: coloured shapes that move, drawn from (seed, split, clip) alone.

A scene is a description; `pixels.py` draws it and `sentences.py` speaks of it. Positions are centres in pixels of the picture, x to the
right and y down. Motion is that of an object in the world: a camera that shifts adds its own to every path.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vdit.benchmarks.world.paths import MOTIONS, Motion, Path, pan, travel
from vdit.config.data import World

# They differ in which of a few latent cells they fill, since that is all that is left of them under noise.
Shape = Literal["circle", "bar", "pillar", "cross", "slash", "ring"]
Colour = Literal["red", "green", "blue", "yellow", "purple", "orange", "cyan", "white"]
Split = Literal["train", "valid", "hard", "pretrain"]
Look: TypeAlias = tuple[Shape, Colour]

SHAPES: tuple[Shape, ...] = get_args(Shape)
COLOURS: tuple[Colour, ...] = get_args(Colour)
SPLITS: tuple[Split, ...] = get_args(Split)
# Looks that occur in valid and hard alone: of each shape one or two, of each colour one.
UNSEEN: frozenset[Look] = frozenset((SHAPES[index % len(SHAPES)], colour) for index, colour in enumerate(COLOURS))
UNSEEN_SPLITS: tuple[Split, ...] = ("valid", "hard")

# In shares of the frame's shorter side.
RADIUS = (0.20, 0.27)
# Two objects never come closer than this share of their radii's sum, so that each stays mostly visible behind the other.
APART = 0.6
# Where objects may hide each other, this much of the farther one's way is still its own; and one pair has to come closer than APART.
APART_OCCLUDED = 0.25
# How often a further object takes the colour of an earlier one: colour alone then names neither.
SAME_COLOUR = 0.6
ATTEMPTS = 4000


@dataclass(frozen=True)
class Thing:
    """One object. `tilt` turns the shape and `grain` its stripes (radians); `stripes` is their number across the radius."""

    shape: Shape
    colour: Colour
    motion: Motion
    path: Path
    radius: float
    tilt: float
    grain: float
    stripes: float


@dataclass(frozen=True)
class Scene:
    """`things[i]` has object id i + 1; `order` lists the things from the back to the front. `texture` seeds background and sensor noise.

    `camera` [T, 2] is how far the view has shifted, in pixels, and is in the things' paths already; `light` [T] multiplies brightness.
    """

    height: int
    width: int
    things: tuple[Thing, ...]
    order: tuple[int, ...]
    texture: int
    camera: Path
    light: NDArray[np.float64]


def hardest(world: World) -> World:
    """The same world with every option on."""
    return replace(world, occlusion=True, entering=0.4, camera=0.15, lighting=0.3)


def generator(world: World, split: Split, clip: int) -> np.random.Generator:
    """Every random number of one clip: its scene, pixels and sentences. The splits draw from different streams."""
    return np.random.default_rng(np.random.SeedSequence(world.seed, spawn_key=(SPLITS.index(split), clip)))


def draw(world: World, rng: np.random.Generator, split: Split) -> Scene:
    """A scene of two to `world.objects` things, in split "pretrain" of one on, of which no two agree in shape, colour and motion."""
    world = hardest(world) if split == "hard" else world
    count = int(rng.integers(1 if split == "pretrain" else 2, world.objects + 1))
    camera_T2 = pan(world, rng)
    for _ in range(ATTEMPTS):
        things = populate(world, split, count, camera_T2, rng)
        if things is not None:
            order = tuple(int(place) for place in rng.permutation(count))
            light_T = 1 + rng.uniform(-world.lighting, world.lighting) * np.linspace(0, 1, world.frames)
            return Scene(world.height, world.width, things, order, int(rng.integers(2**32)), camera_T2, light_T)
    size = f"{world.width}x{world.height}"
    raise ValueError(
        f"the world has no room for {count} objects in {size} frames; lower world.objects or raise world.height and world.width"
    )


def populate(world: World, split: Split, count: int, camera_T2: Path, rng: np.random.Generator) -> tuple[Thing, ...] | None:
    """One attempt at placing `count` things: None where two would look and move alike, come too close, or never hide each other."""
    things: list[Thing] = []
    for _ in range(count):
        thing = create(world, split, things, camera_T2, rng)
        if any(alike(thing, other) or distance(thing, other) < (APART_OCCLUDED if world.occlusion else APART) for other in things):
            return None
        things.append(thing)
    if split in UNSEEN_SPLITS and not any((thing.shape, thing.colour) in UNSEEN for thing in things):
        return None
    if world.occlusion and count > 1 and not any(distance(*pair) < APART for pair in combinations(things, 2)):
        return None
    return tuple(things)


def create(world: World, split: Split, earlier: list[Thing], camera_T2: Path, rng: np.random.Generator) -> Thing:
    """A thing; `earlier` ones may lend their colour."""
    copied = bool(earlier) and rng.random() < SAME_COLOUR
    shape, colour = look(split, earlier[rng.integers(len(earlier))].colour if copied else None, rng)
    motion = MOTIONS[rng.integers(len(MOTIONS))]
    radius = float(rng.uniform(*RADIUS)) * min(world.height, world.width)
    return Thing(
        shape=shape,
        colour=colour,
        motion=motion,
        path=travel(world, motion, radius, camera_T2, rng),
        radius=radius,
        tilt=float(rng.uniform(-0.25, 0.25)),
        grain=float(rng.uniform(0, np.pi)),
        stripes=float(rng.uniform(1.0, 2.0)),
    )


def look(split: Split, colour: Colour | None, rng: np.random.Generator) -> Look:
    """A shape, and a colour where none is given, that the split may have together."""
    looks = [
        (shape, each)
        for shape in SHAPES
        for each in COLOURS
        if colour in (None, each) and (split in UNSEEN_SPLITS or (shape, each) not in UNSEEN)
    ]
    return looks[rng.integers(len(looks))]


def alike(one: Thing, other: Thing) -> bool:
    return (one.shape, one.colour, one.motion) == (other.shape, other.colour, other.motion)


def distance(one: Thing, other: Thing) -> float:
    """Between the centres where they are closest, in the sum of both radii."""
    return float(np.hypot(*(one.path - other.path).T).min()) / (one.radius + other.radius)
