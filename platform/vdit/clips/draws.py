"""Where the random numbers of a clip come from: its place in training or its name, never a global state.

The same key gives the same numbers in every arm, process and machine, so that arms differ in nothing but what the study varies. Each
purpose has a stream of its own: to draw more numbers for one of them does not move the others.
"""

import hashlib
import json
from typing import Literal

import numpy as np

Purpose = Literal["order", "frames", "augment", "replace", "noise", "light", "shuffled"]


def generator(purpose: Purpose, *key: int | str) -> np.random.Generator:
    """A generator seeded by the purpose and the whole key; keys of any length, of numbers and words, do not collide."""
    digest = hashlib.sha256(json.dumps([purpose, *key]).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest)))


def noise_seed(*key: int | str) -> int:
    """The seed of a clip's gaussian noise: 0 to 2**63 - 1, as a generator of any library takes it."""
    return int(generator("noise", *key).integers(2**63))
