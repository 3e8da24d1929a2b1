"""The clips of a recipe: drawn once from the world's stream "pretrain", kept as arrays that every stage maps.

N clips, T frames, H W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from vdit.benchmarks.world import pixels, scene
from vdit.benchmarks.world.scene import Scene
from vdit.config.data import World
from vdit.config.recipe import Recipe

FRAMES, OBJECTS = "frames.npy", "objects.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Pixels as uint8, and one bit a pixel that says whether an object is seen there, eight to a byte.

    The last `held_out` clips are for the curves.
    """

    frames_NTHW3: NDArray[np.uint8]
    objects_NTHw: NDArray[np.uint8]
    held_out: int

    @property
    def trained_on(self) -> int:
        return len(self.frames_NTHW3) - self.held_out

    @property
    def length(self) -> int:
        return int(self.frames_NTHW3.shape[1])

    def pick(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Numbers of `count` different clips to train on."""
        return rng.choice(self.trained_on, size=count, replace=False)

    def shown(self, count: int) -> NDArray[np.int64]:
        """Numbers of the first clips held out, at most `count`."""
        return self.trained_on + np.arange(min(count, self.held_out))


def scenes(recipe: Recipe, numbers: range) -> tuple[Scene, ...]:
    """What happens in these clips."""
    return tuple(_scene(recipe.world, number) for number in numbers)


def _scene(world: World, number: int) -> Scene:
    return scene.draw(world, scene.generator(world, "pretrain", number), "pretrain")


def write(recipe: Recipe, folder: Path, done: Callable[[int], None]) -> None:
    """Draws all clips to `folder`; `done` is told how many there are."""
    world = recipe.world
    shape = (recipe.clips, world.frames, world.height, world.width)
    frames = open_memmap(folder / FRAMES, mode="w+", dtype=np.uint8, shape=(*shape, 3))
    objects = open_memmap(folder / OBJECTS, mode="w+", dtype=np.uint8, shape=(*shape[:3], -(-world.width // 8)))
    for number in range(recipe.clips):
        frames[number], labels_THW = pixels.draw(_scene(world, number))
        objects[number] = np.packbits(labels_THW > 0, axis=-1)
        done(number + 1)
    frames.flush()
    objects.flush()


def read(recipe: Recipe, folder: Path) -> Clips:
    """Maps what `write` wrote."""
    return Clips(np.load(folder / FRAMES, mmap_mode="r"), np.load(folder / OBJECTS, mmap_mode="r"), recipe.held_out)


def shares(frames_NHW3: NDArray[np.uint8]) -> Tensor:
    """[N, 3, H, W]: shares of white."""
    return torch.from_numpy(np.array(frames_NHW3)).permute(0, 3, 1, 2).float() / 255


def covered(objects_NHw: NDArray[np.uint8], width: int) -> Tensor:
    """[N, 1, H, W]: 1 where an object is seen, else 0."""
    return torch.from_numpy(np.unpackbits(objects_NHw, axis=-1, count=width))[:, None].float()
