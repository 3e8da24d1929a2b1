"""What happens in a clip of the miniature world: coloured shapes that move, drawn from (seed, split, clip) alone.

A scene is a description; `pixels.py` draws it and `sentences.py` speaks of it. Positions are centres in pixels, x to the right and y down.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vdit.config.data import World

Shape = Literal["circle", "square", "triangle", "cross", "star", "ring"]
Colour = Literal["red", "green", "blue", "yellow", "purple", "orange", "cyan", "white"]
Motion = Literal["left", "right", "up", "down", "still"]
Split = Literal["train", "valid"]
Path: TypeAlias = NDArray[np.float64]  # [T, 2], x y

SHAPES: tuple[Shape, ...] = get_args(Shape)
COLOURS: tuple[Colour, ...] = get_args(Colour)
MOTIONS: tuple[Motion, ...] = get_args(Motion)
SPLITS: tuple[Split, ...] = get_args(Split)
DIRECTIONS: dict[Motion, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}

# In shares of the frame's shorter side: a radius, and how far a moving object comes in the whole clip.
RADIUS = (0.15, 0.22)
TRAVEL = (0.25, 0.45)
# Two objects never come closer than this share of their radii's sum, so that each stays mostly visible behind the other.
APART = 0.6
# How often a further object takes the colour of an earlier one: colour alone then names neither.
SAME_COLOUR = 0.5
ATTEMPTS = 2000


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
    """`things[i]` has object id i + 1; `order` lists the things from the back to the front. `texture` seeds background and sensor noise."""

    height: int
    width: int
    things: tuple[Thing, ...]
    order: tuple[int, ...]
    texture: int

    @property
    def frames(self) -> int:
        return len(self.things[0].path)


def generator(world: World, split: Split, clip: int) -> np.random.Generator:
    """Every random number of one clip: its scene, pixels and sentences. The splits draw from different streams."""
    return np.random.default_rng(np.random.SeedSequence(world.seed, spawn_key=(SPLITS.index(split), clip)))


def draw(world: World, rng: np.random.Generator) -> Scene:
    """A scene of two to `world.objects` things of which no two agree in shape, colour and motion."""
    count = int(rng.integers(2, world.objects + 1))
    for _ in range(ATTEMPTS):
        things = populate(world, count, rng)
        if things is not None:
            order = tuple(int(place) for place in rng.permutation(count))
            return Scene(world.height, world.width, things, order, int(rng.integers(2**32)))
    size = f"{world.width}x{world.height}"
    raise ValueError(f"data.world: found no room for {count} objects in {size} frames; lower data.world.objects or raise height and width")


def populate(world: World, count: int, rng: np.random.Generator) -> tuple[Thing, ...] | None:
    """One attempt at placing `count` things: None where two would look and move alike, or come too close."""
    things: list[Thing] = []
    for _ in range(count):
        thing = create(world, things, rng)
        if any(alike(thing, other) or collide(thing, other) for other in things):
            return None
        things.append(thing)
    return tuple(things)


def create(world: World, earlier: list[Thing], rng: np.random.Generator) -> Thing:
    """A thing that stays within the frame; `earlier` ones may lend their colour."""
    copied = bool(earlier) and rng.random() < SAME_COLOUR
    colour = earlier[rng.integers(len(earlier))].colour if copied else COLOURS[rng.integers(len(COLOURS))]
    motion = MOTIONS[rng.integers(len(MOTIONS))]
    radius = float(rng.uniform(*RADIUS)) * min(world.height, world.width)
    return Thing(
        shape=SHAPES[rng.integers(len(SHAPES))],
        colour=colour,
        motion=motion,
        path=travel(world, motion, radius, rng),
        radius=radius,
        tilt=float(rng.uniform(-0.25, 0.25)),
        grain=float(rng.uniform(0, np.pi)),
        stripes=float(rng.uniform(1.0, 2.0)),
    )


def travel(world: World, motion: Motion, radius: float, rng: np.random.Generator) -> Path:
    """A straight path at constant speed, with the whole object inside the frame in every frame."""
    side = min(world.height, world.width)
    step_2 = np.array(DIRECTIONS[motion]) * float(rng.uniform(*TRAVEL)) * side / max(world.frames - 1, 1)
    offsets_T2 = np.arange(world.frames)[:, None] * step_2
    low_2 = radius - offsets_T2.min(axis=0)
    high_2 = np.array([world.width, world.height]) - radius - offsets_T2.max(axis=0)
    path: Path = offsets_T2 + rng.uniform(low_2, high_2)
    return path


def alike(one: Thing, other: Thing) -> bool:
    return (one.shape, one.colour, one.motion) == (other.shape, other.colour, other.motion)


def collide(one: Thing, other: Thing) -> bool:
    distance_T = np.hypot(*(one.path - other.path).T)
    return bool(distance_T.min() < APART * (one.radius + other.radius))
