"""How many frames at a time go through layers in which frames do not meet.

On a CPU as many as fit the cache of a core: what a layer makes of them stays there, and in memory that the allocator keeps, where the maps
of all frames would be mapped anew for every layer. Small frames one by one would cost more calls than work.
"""

import torch

# The second-level cache of a core of current servers is 1 to 2 MB.
CACHE_BYTES = 2 * 1024**2


def at_once(frames: int, bytes_each: int, device: torch.device) -> int:
    """Of `frames` whose widest map takes `bytes_each`; elsewhere than on a CPU all."""
    return max(1, min(frames, CACHE_BYTES // bytes_each)) if device.type == "cpu" else frames
