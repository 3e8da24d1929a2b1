"""The clips that the gate looks at: scenes of exactly two visible things from split "valid", what they look like, whose each cell is."""

# B clips, T frames, H W pixels, h w latent size

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from itertools import islice

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from vdit.benchmarks.world import pixels, scene
from vdit.benchmarks.world.scene import Scene
from vdit.config.data import World
from vdit.video import Frames

CELL = 8  # pixels a side that a cell of the latents covers
Labels = NDArray[np.uint8]
# Clips that are looked at, at most, for each one that is asked for.
PATIENCE = 100


@dataclass(frozen=True)
class Clip:
    """`cells_Thw` is 0 for the background and i + 1 for thing i."""

    scene: Scene
    frames_THW3: Frames
    cells_Thw: Labels


Accept = Callable[[Clip], bool]


def pairs(world: World) -> Iterator[Clip]:
    """Clips of two things from split "valid", each of which has at least one cell, in the order of their numbers.

    A generator, so that sets of clips taken from it one after the other never share one.
    """
    two = changed(world, objects=2)
    number = 0
    while True:
        drawn = scene.draw(two, scene.generator(two, "valid", number), "valid")
        number += 1
        if len(drawn.things) == 2 and visible(clip := render(drawn)):
            yield clip


def anything(clip: Clip) -> bool:
    return True


def take(clips: Iterator[Clip], count: int, accept: Accept, counted: Accept = anything) -> tuple[Clip, ...]:
    """The next ones that are accepted, until there are `count` that are `counted`. Raises ValueError where these are too rare."""
    found: list[Clip] = []
    enough = 0
    for clip in islice(clips, PATIENCE * count):
        if accept(clip):
            found.append(clip)
            enough += counted(clip)
        if enough == count:
            return tuple(found)
    raise ValueError(
        f"the world has {enough} of {count} clips in {PATIENCE * count} as the gate needs them; ask for fewer, or draw another"
    )


def same_colour(clip: Clip) -> bool:
    """Whether colour tells nothing of which thing is meant."""
    one, other = clip.scene.things
    return one.colour == other.colour


def render(drawn: Scene) -> Clip:
    frames_THW3, labels_THW = pixels.draw(drawn)
    return Clip(drawn, frames_THW3, cells(labels_THW))


def cells(labels_THW: Labels) -> Labels:
    """[T, h, w]: the thing that covers most of a cell, where things cover at least half of it."""
    if labels_THW.shape[1] % CELL or labels_THW.shape[2] % CELL:
        size = f"{labels_THW.shape[2]}x{labels_THW.shape[1]}"
        raise ValueError(f"data.world: frames are {size} pixels, a cell of the latents covers {CELL}x{CELL}; give sides it divides")
    blocks_ThwP = rearrange(labels_THW, "t (h y) (w x) -> t h w (y x)", y=CELL, x=CELL)
    counts = np.stack([(blocks_ThwP == label).sum(axis=-1) for label in range(1, int(labels_THW.max(initial=0)) + 2)])
    owner_Thw: Labels = (counts.argmax(axis=0) + 1).astype(np.uint8)
    return np.where(2 * counts.sum(axis=0) >= CELL * CELL, owner_Thw, 0).astype(np.uint8)


def visible(clip: Clip) -> bool:
    return all((clip.cells_Thw == index + 1).any() for index in range(len(clip.scene.things)))


def frames(clips: tuple[Clip, ...]) -> Frames:
    """[B, T, H, W, 3]"""
    return np.stack([clip.frames_THW3 for clip in clips])


def gaussian(shape: tuple[int, ...], *key: int) -> Tensor:
    """Standard normal noise that a key of numbers stands for."""
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
