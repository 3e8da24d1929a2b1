"""How things of the miniature world move: straight, at constant speed, in a view that may shift."""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vdit.config.data import World

Motion = Literal["left", "right", "up", "down", "still"]
Path: TypeAlias = NDArray[np.float64]  # [T, 2], x y

MOTIONS: tuple[Motion, ...] = get_args(Motion)
DIRECTIONS: dict[Motion, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
# How far a moving object comes in the whole clip, in shares of the frame's shorter side; who enters or leaves comes farther.
TRAVEL = (0.25, 0.45)
TRAVEL_ENTERING = (0.5, 0.7)


def pan(world: World, rng: np.random.Generator) -> Path:
    """How far the view has shifted in each frame: nowhere at first, by `world.camera` of the shorter side at most in the end."""
    end_2 = rng.uniform(-1, 1, size=2) * world.camera * min(world.height, world.width)
    path: Path = np.linspace(0, 1, world.frames)[:, None] * end_2
    return path


def travel(world: World, motion: Motion, radius: float, camera_T2: Path, rng: np.random.Generator) -> Path:
    """The whole object is inside the picture in every frame, unless it enters (begins outside) or leaves (ends outside)."""
    crossing = motion != "still" and rng.random() < world.entering
    distance = float(rng.uniform(*(TRAVEL_ENTERING if crossing else TRAVEL))) * min(world.height, world.width)
    direction_2 = np.array(DIRECTIONS[motion])
    offsets_T2 = np.linspace(0, 1, world.frames)[:, None] * direction_2 * distance - camera_T2
    size_2 = np.array([world.width, world.height])
    low_2, high_2 = radius - offsets_T2.min(axis=0), size_2 - radius - offsets_T2.max(axis=0)
    start_2 = rng.uniform(np.minimum(low_2, high_2), high_2)
    if crossing:
        axis, enters, beyond = int(np.flatnonzero(direction_2)[0]), bool(rng.random() < 0.5), radius * float(rng.uniform(0, 1))
        # It enters from the side that it moves away from, and leaves at the other.
        edge = -beyond if (direction_2[axis] > 0) == enters else size_2[axis] + beyond
        start_2[axis] = edge - offsets_T2[0 if enters else -1, axis]
    path: Path = start_2 + offsets_T2
    return path
