"""Multi-scale deformable sampling on the CPU: forward and backward loops and their autograd Function (spec 3.5).

A task owns all queries of one frame and head, so that no two threads add to the same gradient. Plain threads run the compiled loops,
which release the interpreter lock: numba's own parallel layers would bring a second thread pool, a longer compilation and,
without OpenMP or TBB, a crash when two threads call at once.

N frames of all clips, Q queries, S tokens of all levels, L levels, M heads, P points, D channels of a head.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeAlias

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

Sizes: TypeAlias = tuple[tuple[int, int], ...]  # height and width of each level
Array: TypeAlias = NDArray[Any]  # float32 or float64, all of one call alike
Arrays: TypeAlias = tuple[Array, ...]
Tensors: TypeAlias = tuple[Tensor, ...]
Axis: TypeAlias = tuple[int, int, float, float, float, float]

# Sums may be reordered, so that they vectorise; NaN and infinity keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}
_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(nogil=True, cache=True, fastmath=_FASTMATH)
# What is done for every point: a call that hands over arrays counts their references, which costs as much as the arithmetic.
_inlined: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(nogil=True, inline="always", fastmath=_FASTMATH)


def _axis(place: float, length: int) -> Axis:
    """The two pixels around a place, their weights, and the weights' derivatives; one that is outside is moved in and weighs nothing."""
    below = int(np.floor(place))
    share = place - below
    first = 1.0 if below >= 0 else 0.0
    second = 1.0 if below + 1 < length else 0.0
    return max(below, 0), min(below + 1, length - 1), (1 - share) * first, share * second, -first, second


_taps = _inlined(_axis)


def _read(inputs: Arrays, total_D: Array) -> None:
    """Adds what one query reads to `total_D`; inputs are values [S, D], sizes [L, 2], places [L, P, 2] and weights [L, P]."""
    values_SD, sizes_L2, places_LP2, weights_LP = inputs
    start = 0
    for level in range(sizes_L2.shape[0]):
        height, width = sizes_L2[level]
        for point in range(weights_LP.shape[1]):
            x, y = places_LP2[level, point, 0] * width - 0.5, places_LP2[level, point, 1] * height - 0.5
            if not (-1 < x < width and -1 < y < height):
                continue
            x0, x1, wx0, wx1, _, _ = _taps(x, width)
            y0, y1, wy0, wy1, _, _ = _taps(y, height)
            weight, real = weights_LP[level, point], values_SD.dtype.type
            w00, w01, w10, w11 = real(weight * wy0 * wx0), real(weight * wy0 * wx1), real(weight * wy1 * wx0), real(weight * wy1 * wx1)
            r00, r01 = values_SD[start + y0 * width + x0], values_SD[start + y0 * width + x1]
            r10, r11 = values_SD[start + y1 * width + x0], values_SD[start + y1 * width + x1]
            for d in range(total_D.shape[0]):
                total_D[d] += w00 * r00[d] + w01 * r01[d] + w10 * r10[d] + w11 * r11[d]
        start += height * width


def _dots(grad_D: Array, r00: Array, r01: Array, r10: Array, r11: Array) -> tuple[float, float, float, float]:
    real = grad_D.dtype.type
    d00, d01, d10, d11 = real(0), real(0), real(0), real(0)
    for d in range(grad_D.shape[0]):
        d00 += grad_D[d] * r00[d]
        d01 += grad_D[d] * r01[d]
        d10 += grad_D[d] * r10[d]
        d11 += grad_D[d] * r11[d]
    return d00, d01, d10, d11


def _add(row_D: Array, weight: float, grad_D: Array) -> None:
    for d in range(grad_D.shape[0]):
        row_D[d] += weight * grad_D[d]


_read_query, _four_dots, _add_scaled = _compiled(_read), _inlined(_dots), _inlined(_add)


def _unread(inputs: Arrays, grad_D: Array, grads: Arrays) -> None:
    """The reverse of `_read`: adds to the gradient of the values, sets those of places and weights."""
    values_SD, sizes_L2, places_LP2, weights_LP = inputs
    grad_values_SD, grad_places_LP2, grad_weights_LP = grads
    start = 0
    for level in range(sizes_L2.shape[0]):
        height, width = sizes_L2[level]
        for point in range(weights_LP.shape[1]):
            x, y = places_LP2[level, point, 0] * width - 0.5, places_LP2[level, point, 1] * height - 0.5
            if not (-1 < x < width and -1 < y < height):
                continue
            x0, x1, wx0, wx1, gx0, gx1 = _taps(x, width)
            y0, y1, wy0, wy1, gy0, gy1 = _taps(y, height)
            weight, real = weights_LP[level, point], values_SD.dtype.type
            i00, i01, i10, i11 = start + y0 * width + x0, start + y0 * width + x1, start + y1 * width + x0, start + y1 * width + x1
            d00, d01, d10, d11 = _four_dots(grad_D, values_SD[i00], values_SD[i01], values_SD[i10], values_SD[i11])
            grad_weights_LP[level, point] = wy0 * (wx0 * d00 + wx1 * d01) + wy1 * (wx0 * d10 + wx1 * d11)
            grad_places_LP2[level, point, 0] = weight * width * (wy0 * (gx0 * d00 + gx1 * d01) + wy1 * (gx0 * d10 + gx1 * d11))
            grad_places_LP2[level, point, 1] = weight * height * (gy0 * (wx0 * d00 + wx1 * d01) + gy1 * (wx0 * d10 + wx1 * d11))
            _add_scaled(grad_values_SD[i00], real(weight * wy0 * wx0), grad_D)
            _add_scaled(grad_values_SD[i01], real(weight * wy0 * wx1), grad_D)
            _add_scaled(grad_values_SD[i10], real(weight * wy1 * wx0), grad_D)
            _add_scaled(grad_values_SD[i11], real(weight * wy1 * wx1), grad_D)
        start += height * width


_unread_query = _compiled(_unread)


def _forward(inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    values, sizes, places, weights = inputs
    (output,) = outputs
    queries, heads = weights.shape[1:3]
    for task in range(first, last):
        n, m = task // heads, task % heads
        for q in range(queries):
            _read_query((values[n, m], sizes, places[n, q, m], weights[n, q, m]), output[n, q, m])


def _backward(inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    values, sizes, places, weights, grad = inputs
    grad_values, grad_places, grad_weights = outputs
    queries, heads = weights.shape[1:3]
    for task in range(first, last):
        n, m = task // heads, task % heads
        for q in range(queries):
            grads = (grad_values[n, m], grad_places[n, q, m], grad_weights[n, q, m])
            _unread_query((values[n, m], sizes, places[n, q, m], weights[n, q, m]), grad[n, q, m], grads)


_forward_tasks, _backward_tasks = _compiled(_forward), _compiled(_backward)


def _spread(loop: Callable[..., None], tasks: int, inputs: Tensors, outputs: Tensors) -> None:
    """Runs the tasks, which write to `outputs`, on as many threads as torch uses."""
    arrays = [tuple(tensor.detach().numpy() for tensor in tensors) for tensors in (inputs, outputs)]
    threads = max(1, min(torch.get_num_threads(), tasks))
    spans = list(pairwise(tasks * i // threads for i in range(threads + 1)))
    if threads == 1:
        loop(*arrays, *spans[0])
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(loop, *arrays, *span) for span in spans]:
            done.result()


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_NMSD: Tensor, sizes_L2: Tensor, places_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
        inputs = (values_NMSD, sizes_L2, places_NQMLP2, weights_NQMLP)
        ctx.save_for_backward(*inputs)
        frames, queries, heads = weights_NQMLP.shape[:3]
        output = values_NMSD.new_zeros(frames, queries, heads, values_NMSD.shape[-1])
        _spread(_forward_tasks, frames * heads, inputs, (output,))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        values, _, places, weights = inputs = ctx.saved_tensors
        grads = torch.zeros_like(values), torch.zeros_like(places), torch.zeros_like(weights)
        _spread(_backward_tasks, values.shape[0] * values.shape[1], (*inputs, grad.contiguous()), grads)
        return grads[0], None, grads[1], grads[2]


def sample_on_cpu(values_NSMD: Tensor, sizes: Sizes, places_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
    """[N, Q, M, D]; as `vdit.model.deformable.sample`, for CPU tensors that are all float32 or all float64."""
    values_NMSD = values_NSMD.transpose(1, 2).contiguous()
    output: Tensor = _Sample.apply(values_NMSD, torch.tensor(sizes), places_NQMLP2.contiguous(), weights_NQMLP.contiguous())
    return output
