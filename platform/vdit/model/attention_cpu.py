"""Attention in many short sequences on the CPU: forward and backward loops and their autograd Function.

What `scaled_dot_product_attention` computes; its kernels there are made for long sequences, and over a clip's few frames take three times
as long.

N sequences, T tokens (frames), M heads, D channels of a head, C = M x D.
"""

from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.autograd.function import once_differentiable

from vdit.model.compiled import Array, Arrays, compiled, inlined, spread

# Pairs of a sequence and a head that are worth a thread: two take two thirds of the time of one for 2048 of them, and longer for 1024.
PAIRS = 1024

# As many entries as there are tokens, and as there are channels: how long a tuple is belongs to its type, so that it is known at
# compilation. Only then are the inner loops vectors.
Counts: TypeAlias = tuple[tuple[None, ...], tuple[None, ...]]


def _dots(left_NTMD: Array, right_NTMD: Array, place: tuple[int, int], dots_TT: Array, sizes: tuple[int, int]) -> None:
    """Every token of the one with every token of the other."""
    (n, m), (tokens, channels) = place, sizes
    for i in range(tokens):
        for j in range(tokens):
            dot = left_NTMD.dtype.type(0)
            for d in range(channels):
                dot += left_NTMD[n, i, m, d] * right_NTMD[n, j, m, d]
            dots_TT[i, j] = dot


def _mix(shares_TT: Array, given_NTMD: Array, place: tuple[int, int], mixed_NTMD: Array, sizes: tuple[int, int]) -> None:
    """Sets each token of `mixed_NTMD` to the sum of those given, each with its share."""
    (n, m), (tokens, channels) = place, sizes
    for i in range(tokens):
        for d in range(channels):
            total = given_NTMD.dtype.type(0)
            for j in range(tokens):
                total += shares_TT[i, j] * given_NTMD[n, j, m, d]
            mixed_NTMD[n, i, m, d] = total


def _softmax(scores_TT: Array, scale: float, tokens: int) -> None:
    for i in range(tokens):
        most, whole = scores_TT[i, 0], scores_TT.dtype.type(0)
        for j in range(1, tokens):
            most = max(most, scores_TT[i, j])
        for j in range(tokens):
            scores_TT[i, j] = np.exp((scores_TT[i, j] - most) * scale)
            whole += scores_TT[i, j]
        for j in range(tokens):
            scores_TT[i, j] /= whole


def _unsoftmax(grad_TT: Array, shares_TT: Array, scale: float, tokens: int) -> None:
    """The gradient of the shares becomes that of the scores."""
    for i in range(tokens):
        mean = grad_TT.dtype.type(0)
        for j in range(tokens):
            mean += grad_TT[i, j] * shares_TT[i, j]
        for j in range(tokens):
            grad_TT[i, j] = (grad_TT[i, j] - mean) * shares_TT[i, j] * scale


_score, _mixed, _shared, _unshared = inlined(_dots), inlined(_mix), inlined(_softmax), inlined(_unsoftmax)


def _forward(counts: Counts, inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    queries, keys, values = inputs
    output, shares = outputs
    sizes = tokens, channels = len(counts[0]), len(counts[1])
    scale = queries.dtype.type(1 / np.sqrt(channels))
    for n in range(first, last):
        for m in range(queries.shape[2]):
            _score(queries, keys, (n, m), shares[n, m], sizes)
            _shared(shares[n, m], scale, tokens)
            _mixed(shares[n, m], values, (n, m), output, sizes)


def _backward(counts: Counts, inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
    queries, keys, values, shares, grad = inputs
    grad_queries, grad_keys, grad_values = outputs
    sizes = tokens, channels = len(counts[0]), len(counts[1])
    scale = queries.dtype.type(1 / np.sqrt(channels))
    slopes = np.empty((tokens, tokens), queries.dtype)
    for n in range(first, last):
        for m in range(queries.shape[2]):
            _mixed(shares[n, m].T, grad, (n, m), grad_values, sizes)
            _score(grad, values, (n, m), slopes, sizes)
            _unshared(slopes, shares[n, m], scale, tokens)
            _mixed(slopes, keys, (n, m), grad_queries, sizes)
            _mixed(slopes.T, queries, (n, m), grad_keys, sizes)


_forward_tasks, _backward_tasks = compiled(_forward), compiled(_backward)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query_NTMD: Tensor, key_NTMD: Tensor, value_NTMD: Tensor) -> Tensor:
        count, tokens, heads, channels = query_NTMD.shape
        output, shares_NMTT = torch.empty_like(query_NTMD), query_NTMD.new_empty(count, heads, tokens, tokens)
        loop = partial(_forward_tasks, ((None,) * tokens, (None,) * channels))
        spread(loop, count, (query_NTMD, key_NTMD, value_NTMD), (output, shares_NMTT), 1 + PAIRS // heads)
        ctx.save_for_backward(query_NTMD, key_NTMD, value_NTMD, shares_NMTT)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor | tuple[Tensor, ...]:
        *inputs, shares = ctx.saved_tensors
        grads = tuple(torch.empty_like(tensor) for tensor in inputs)
        count, tokens, heads, channels = grad.shape
        loop = partial(_backward_tasks, ((None,) * tokens, (None,) * channels))
        spread(loop, count, (*inputs, shares, grad.contiguous()), grads, 1 + PAIRS // heads)
        return grads


def attend_briefly(query_NTC: Tensor, key_NTC: Tensor, value_NTC: Tensor, heads: int) -> Tensor:
    """[N, T, C]; CPU tensors that are all float32 or all float64."""
    each = (rearrange(x, "n t (m d) -> n t m d", m=heads).contiguous() for x in (query_NTC, key_NTC, value_NTC))
    output_NTMD: Tensor = _Attention.apply(*each)
    return output_NTMD.flatten(2)
