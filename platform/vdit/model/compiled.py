"""Loops compiled for the CPU, and the threads they run on.

Plain threads run the loops, which release the interpreter lock: numba's own parallel layers would bring a second thread pool, a longer
compilation and, without OpenMP or TBB, a crash when two threads call at once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any, TypeAlias

import numba
import torch
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[Any]  # float32 or float64, all of one call alike
Arrays: TypeAlias = tuple[Array, ...]
Tensors: TypeAlias = tuple[Tensor, ...]

# Sums may be reordered, so that they vectorise; NaN and infinity keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}
compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(nogil=True, cache=True, fastmath=_FASTMATH)
# What is done in a loop: a call that hands over arrays counts their references, which costs as much as the arithmetic.
inlined: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(nogil=True, inline="always", fastmath=_FASTMATH)


def spread(loop: Callable[..., None], tasks: int, inputs: Tensors, outputs: Tensors, least: int = 1) -> None:
    """Runs the tasks, which write to `outputs`, on as many threads as torch uses, each with at least so many tasks."""
    arrays = [tuple(tensor.detach().numpy() for tensor in tensors) for tensors in (inputs, outputs)]
    most = torch.get_num_threads()
    threads = max(1, min(most, tasks // least))
    own, *others = pairwise(tasks * i // threads for i in range(threads + 1))
    begun = [_pool(most - 1, os.getpid()).submit(loop, *arrays, *span) for span in others]
    try:
        loop(*arrays, *own)
    finally:
        wait(begun)  # they write to what the caller has
    for done in begun:
        done.result()


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Kept, since a thread takes as long to start as a small loop to run; not by a process that was forked off, which has no threads."""
    del process
    return ThreadPoolExecutor(threads)
