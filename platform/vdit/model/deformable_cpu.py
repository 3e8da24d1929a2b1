"""Multi-scale deformable sampling on the CPU: forward and backward loops and their autograd Function (spec 3.5).

A task owns all queries of one frame and head, so that no two threads add to the same gradient.

N frames of all clips, Q queries, S tokens of all levels, L levels, M heads, P points, K = L x P, X = 2K, D channels of a head.
"""

from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from vdit.model.compiled import Array, Arrays, compiled, inlined, spread

Sizes: TypeAlias = tuple[tuple[int, int], ...]  # height and width of each level

# The pixels of so many points are found at once, in vectors. Blocks are flat, and how far apart their rows are is known at compilation:
# only then is it plain that writing to one row changes no other.
_BLOCK = 16
# Rows of a block of `levels`: what a point's level measures, and its first token.
_WIDTH, _HEIGHT, _START = 0, _BLOCK, 2 * _BLOCK
# Rows of `tokens`: the pixels around a point, y first.
_AT_00, _AT_01, _AT_10, _AT_11 = 0, _BLOCK, 2 * _BLOCK, 3 * _BLOCK
# Rows of `shares`: the weights of the columns and rows around a point, 0 for those outside, and how fast they grow with its place.
_X0, _X1, _Y0, _Y1 = 0, _BLOCK, 2 * _BLOCK, 3 * _BLOCK
_GROW_X0, _GROW_X1, _GROW_Y0, _GROW_Y1 = 4 * _BLOCK, 5 * _BLOCK, 6 * _BLOCK, 7 * _BLOCK


def _levels(sizes: Sizes, points: int, like: Tensor) -> Tensor:
    """[blocks x 3 x BLOCK]: width, height and first token of the level of each of the K = L x P points of a query."""
    starts = accumulate((height * width for height, width in sizes), initial=0)
    rows_L3 = like.new_tensor([(width, height, start) for (height, width), start in zip(sizes, starts, strict=False)])
    rows_3K = rows_L3.t().repeat_interleave(points, dim=1)
    return torch.cat([F.pad(part, (0, _BLOCK - part.shape[1])).flatten() for part in torch.split(rows_3K, _BLOCK, dim=1)])


def _pixels(places: Array, levels: Array, tokens: Array, shares: Array) -> None:
    """Fills `tokens` and `shares` for the points of a block; places are x y, point after point, in shares of their level."""
    real = places.dtype.type
    zero, half, one = real(0), real(0.5), real(1)
    for k in range(len(places) // 2):
        width, height, start = levels[_WIDTH + k], levels[_HEIGHT + k], levels[_START + k]
        x, y = places[2 * k] * width - half, places[2 * k + 1] * height - half
        x0, y0 = np.floor(x), np.floor(y)
        x1, y1 = x0 + one, y0 + one
        left, right = (x0 >= zero) & (x0 < width), (x1 >= zero) & (x1 < width)
        upper, lower = (y0 >= zero) & (y0 < height), (y1 >= zero) & (y1 < height)
        shares[_X0 + k] = x1 - x if left else zero
        shares[_X1 + k] = x - x0 if right else zero
        shares[_Y0 + k] = y1 - y if upper else zero
        shares[_Y1 + k] = y - y0 if lower else zero
        shares[_GROW_X0 + k] = -one if left else zero
        shares[_GROW_X1 + k] = one if right else zero
        shares[_GROW_Y0 + k] = -one if upper else zero
        shares[_GROW_Y1 + k] = one if lower else zero
        column0, column1 = np.int32(x0 if left else zero), np.int32(x1 if right else zero)
        row0 = np.int32(y0 if upper else zero) * np.int32(width) + np.int32(start)
        row1 = np.int32(y1 if lower else zero) * np.int32(width) + np.int32(start)
        tokens[_AT_00 + k], tokens[_AT_01 + k] = row0 + column0, row0 + column1
        tokens[_AT_10 + k], tokens[_AT_11 + k] = row1 + column0, row1 + column1


_found = inlined(_pixels)


def _read(values_SD: Array, weights_K: Array, tokens: Array, shares: Array, total_D: Array) -> None:
    """Adds what a query reads at the points of a block to `total_D`."""
    for k in range(weights_K.shape[0]):
        x0, x1, y0, y1 = shares[_X0 + k], shares[_X1 + k], shares[_Y0 + k], shares[_Y1 + k]
        # Farther than a pixel from its level, or nowhere.
        if x0 + x1 == 0 or y0 + y1 == 0:
            continue
        upper, lower = weights_K[k] * y0, weights_K[k] * y1
        w00, w01, w10, w11 = upper * x0, upper * x1, lower * x0, lower * x1
        r00, r01 = values_SD[tokens[_AT_00 + k]], values_SD[tokens[_AT_01 + k]]
        r10, r11 = values_SD[tokens[_AT_10 + k]], values_SD[tokens[_AT_11 + k]]
        for d in range(total_D.shape[0]):
            total_D[d] += w00 * r00[d] + w01 * r01[d] + w10 * r10[d] + w11 * r11[d]


_read_block = inlined(_read)


def _forward(inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    values, levels, places, weights = inputs
    (output,) = outputs
    queries, heads, points = weights.shape[1:]
    tokens, shares = np.empty(4 * _BLOCK, np.int32), np.empty(8 * _BLOCK, values.dtype)
    for task in range(first, last):
        n, m = task // heads, task % heads
        values_SD = values[n, m]
        for q in range(queries):
            for block in range(0, points, _BLOCK):
                end = min(block + _BLOCK, points)
                _found(places[n, q, m, 2 * block : 2 * end], levels[3 * block :], tokens, shares)
                _read_block(values_SD, weights[n, q, m, block:end], tokens, shares, output[n, q, m])


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


_four_dots, _add_scaled = inlined(_dots), inlined(_add)


def _unread(values_SD: Array, weights_K: Array, found: Arrays, grad_D: Array, outputs: Arrays) -> None:
    """The reverse of `_read`: adds to the gradient of the values, and sets the gradient of each pixel's weight, in rows as `tokens` has."""
    tokens, shares = found
    grad_values_SD, dots = outputs
    for k in range(weights_K.shape[0]):
        x0, x1, y0, y1 = shares[_X0 + k], shares[_X1 + k], shares[_Y0 + k], shares[_Y1 + k]
        # Farther than a pixel from its level, or nowhere.
        if x0 + x1 == 0 or y0 + y1 == 0:
            dots[_AT_00 + k] = dots[_AT_01 + k] = dots[_AT_10 + k] = dots[_AT_11 + k] = 0
            continue
        upper, lower = weights_K[k] * y0, weights_K[k] * y1
        w00, w01, w10, w11 = upper * x0, upper * x1, lower * x0, lower * x1
        i00, i01, i10, i11 = tokens[_AT_00 + k], tokens[_AT_01 + k], tokens[_AT_10 + k], tokens[_AT_11 + k]
        d00, d01, d10, d11 = _four_dots(grad_D, values_SD[i00], values_SD[i01], values_SD[i10], values_SD[i11])
        dots[_AT_00 + k], dots[_AT_01 + k], dots[_AT_10 + k], dots[_AT_11 + k] = d00, d01, d10, d11
        _add_scaled(grad_values_SD[i00], w00, grad_D)
        _add_scaled(grad_values_SD[i01], w01, grad_D)
        _add_scaled(grad_values_SD[i10], w10, grad_D)
        _add_scaled(grad_values_SD[i11], w11, grad_D)


def _unplaced(weights_K: Array, levels: Array, shares: Array, dots: Array, outputs: Arrays) -> None:
    """Sets the gradients of the places, laid out like them, and of the weights."""
    grad_places, grad_weights_K = outputs
    for k in range(weights_K.shape[0]):
        x0, x1, y0, y1 = shares[_X0 + k], shares[_X1 + k], shares[_Y0 + k], shares[_Y1 + k]
        d00, d01, d10, d11 = dots[_AT_00 + k], dots[_AT_01 + k], dots[_AT_10 + k], dots[_AT_11 + k]
        grad_weights_K[k] = y0 * (x0 * d00 + x1 * d01) + y1 * (x0 * d10 + x1 * d11)
        along_x = shares[_GROW_X0 + k] * (y0 * d00 + y1 * d10) + shares[_GROW_X1 + k] * (y0 * d01 + y1 * d11)
        along_y = shares[_GROW_Y0 + k] * (x0 * d00 + x1 * d01) + shares[_GROW_Y1 + k] * (x0 * d10 + x1 * d11)
        grad_places[2 * k] = weights_K[k] * levels[_WIDTH + k] * along_x
        grad_places[2 * k + 1] = weights_K[k] * levels[_HEIGHT + k] * along_y


_unread_block, _unplaced_block = inlined(_unread), inlined(_unplaced)


def _backward(inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    values, levels, places, weights, grad = inputs
    grad_values, grad_places, grad_weights = outputs
    queries, heads, points = weights.shape[1:]
    tokens, shares = np.empty(4 * _BLOCK, np.int32), np.empty(8 * _BLOCK, values.dtype)
    dots = np.empty(4 * _BLOCK, values.dtype)
    for task in range(first, last):
        n, m = task // heads, task % heads
        values_SD, grad_values_SD = values[n, m], grad_values[n, m]
        for q in range(queries):
            for block in range(0, points, _BLOCK):
                end = min(block + _BLOCK, points)
                weights_K = weights[n, q, m, block:end]
                _found(places[n, q, m, 2 * block : 2 * end], levels[3 * block :], tokens, shares)
                _unread_block(values_SD, weights_K, (tokens, shares), grad[n, q, m], (grad_values_SD, dots))
                of_block = (grad_places[n, q, m, 2 * block : 2 * end], grad_weights[n, q, m, block:end])
                _unplaced_block(weights_K, levels[3 * block :], shares, dots, of_block)


_forward_tasks, _backward_tasks = compiled(_forward), compiled(_backward)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_NMSD: Tensor, levels: Tensor, places_NQMX: Tensor, weights_NQMK: Tensor) -> Tensor:
        inputs = (values_NMSD, levels, places_NQMX, weights_NQMK)
        ctx.save_for_backward(*inputs)
        frames, queries, heads = weights_NQMK.shape[:3]
        output = values_NMSD.new_zeros(frames, queries, heads, values_NMSD.shape[-1])
        spread(_forward_tasks, frames * heads, inputs, (output,))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        values, _, places, weights = inputs = ctx.saved_tensors
        grads = torch.zeros_like(values), torch.empty_like(places), torch.empty_like(weights)
        spread(_backward_tasks, values.shape[0] * values.shape[1], (*inputs, grad.contiguous()), grads)
        return grads[0], None, grads[1], grads[2]


def sample_on_cpu(values_NSMD: Tensor, sizes: Sizes, places_NQMLP2: Tensor, weights_NQMLP: Tensor) -> Tensor:
    """[N, Q, M, D]; as `vdit.model.deformable.sample`, for CPU tensors that are all float32 or all float64."""
    levels = _levels(sizes, weights_NQMLP.shape[-1], weights_NQMLP)
    values, places, weights = values_NSMD.transpose(1, 2), places_NQMLP2.flatten(3), weights_NQMLP.flatten(3)
    output: Tensor = _Sample.apply(values.contiguous(), levels, places.contiguous(), weights.contiguous())
    return output
