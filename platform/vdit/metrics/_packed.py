"""Masks as 64-pixel words: what J and F are counted on.

T frames, H W pixels, N words of a row: pixel x is bit x % 64 of word x // 64, and the bits beyond W are zero.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vdit.video import Masks

Words: TypeAlias = NDArray[np.uint64]  # [T, H, N] or [H, N]
Bytes: TypeAlias = NDArray[np.uint8]  # pixels one after the other
Function = TypeVar("Function", bound=Callable[..., Any])

WORD = 64
NONE, ALL = np.uint64(0), np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def compiled(function: Function) -> Function:
    """Compiled by numba on first call and kept in its cache; holds no GIL, so that threads may share it."""
    kernel: Function = njit(function, nogil=True, cache=True)
    return kernel


def pack(prediction: Masks, truth: Masks, void: Masks | None = None) -> tuple[Words, Words]:
    """Both masks packed, the void pixels taken out of both. Raises ValueError unless all are boolean [T, H, W] of one shape."""
    check(prediction, truth, void)
    prediction_THN, truth_THN = _words(prediction), _words(truth)
    if void is not None:
        valid_THN = ~_words(void)
        prediction_THN &= valid_THN
        truth_THN &= valid_THN
    return prediction_THN, truth_THN


def check(prediction: Masks, truth: Masks, void: Masks | None = None) -> None:
    """Raises ValueError unless all are boolean [T, H, W] of one shape."""
    named = {"prediction": prediction, "truth": truth} | ({} if void is None else {"void": void})
    for name, mask in named.items():
        _check(name, mask, truth.shape)


def pixels(mask_THW: Masks) -> Bytes:
    """The bytes of a mask. A bool read from a 1-bit image may hold the byte 255, so they are compared with zero and never summed."""
    return np.ascontiguousarray(mask_THW).view(np.uint8).reshape(-1)


def _check(name: str, mask: Masks, shape: tuple[int, ...]) -> None:
    if mask.dtype != np.bool_:
        raise ValueError(f"{name} is {mask.dtype}, a mask is bool; compare the label map with the object's id, as in labels == 1")
    if mask.ndim != 3 or 0 in mask.shape[1:]:
        raise ValueError(f"{name} has shape {mask.shape}, expected frames x height x width")
    if mask.shape != shape:
        raise ValueError(f"{name} has shape {mask.shape}, truth has {shape}; resize the masks to the truth's size first")


def _words(mask_THW: Masks) -> Words:
    frames, height, width = mask_THW.shape
    packed_THN = np.empty((frames, height, -(-width // 64)), np.uint64)
    pack_rows(pixels(mask_THW), np.uint8(0), ALL, width, packed_THN.reshape(-1, packed_THN.shape[2]))
    return packed_THN


def _ones(typing_context: Any, word: Any) -> Any:
    """How many bits of a word are set: the processor's own instruction, which numba has no name for."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


def _lowest(typing_context: Any, word: Any) -> Any:
    """Position of the lowest set bit of a word that is not zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


def _highest_gap(typing_context: Any, word: Any) -> Any:
    """How many zeros lie above the highest set bit of a word that is not zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


ones: Callable[[np.uint64], int] = intrinsic(_ones)
lowest: Callable[[np.uint64], int] = intrinsic(_lowest)
highest_gap: Callable[[np.uint64], int] = intrinsic(_highest_gap)


def _equal_64(typing_context: Any, bytes_: Any, start: Any, value: Any) -> Any:
    """Which of 64 bytes from `start` on have the value, as the bits of a word: one vector comparison where the processor has it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        block, lanes = ir.VectorType(ir.IntType(8), 64), ir.VectorType(ir.IntType(32), 64)
        pointer = builder.bitcast(cgutils.gep_inbounds(builder, array.data, arguments[1]), block.as_pointer())
        loaded = builder.load(pointer, align=1)
        first = builder.insert_element(ir.Constant(block, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        everywhere = builder.shuffle_vector(first, ir.Constant(block, ir.Undefined), ir.Constant(lanes, [0] * 64))
        return builder.bitcast(builder.icmp_unsigned("==", loaded, everywhere), ir.IntType(64))

    return types.uint64(bytes_, types.intp, types.uint8), generate


equal_64: Callable[[Bytes, int, np.uint8], np.uint64] = intrinsic(_equal_64)


def _same_64(typing_context: Any, one: Any, other: Any, start: Any) -> Any:
    """In which of 64 bytes from `start` on two arrays agree, as the bits of a word."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = ir.VectorType(ir.IntType(8), 64).as_pointer()
        arrays = [context.make_array(kind)(context, builder, array) for kind, array in zip(signature.args[:2], arguments[:2], strict=True)]
        places = [builder.bitcast(cgutils.gep_inbounds(builder, array.data, arguments[2]), block) for array in arrays]
        ours, theirs = (builder.load(place, align=1) for place in places)
        return builder.bitcast(builder.icmp_unsigned("==", ours, theirs), ir.IntType(64))

    return types.uint64(one, other, types.intp), generate


same_64: Callable[[Bytes, Bytes, int], np.uint64] = intrinsic(_same_64)


@compiled
def pack_rows(bytes_: Bytes, value: np.uint8, flip: np.uint64, width: int, packed_RN: Words) -> None:
    """Pack R rows of `width` bytes: a bit says whether a byte has the value or, flipped, whether it has not."""
    whole, rest = width >> 6, width & 63
    for row in range(packed_RN.shape[0]):
        start = row * width
        for n in range(whole):
            packed_RN[row, n] = equal_64(bytes_, start + (n << 6), value) ^ flip
        if not rest:
            continue
        end = start + width
        if end >= 64:
            # The 64 bytes that end with the row: those before the word fall out below.
            packed_RN[row, whole] = (equal_64(bytes_, end - 64, value) ^ flip) >> np.uint64(64 - rest)
        else:
            packed_RN[row, whole] = _pack_few(bytes_[start:end], value, flip)


@compiled
def _pack_few(bytes_: Bytes, value: np.uint8, flip: np.uint64) -> np.uint64:
    """A row of fewer than 64 bytes, among the first of its image."""
    word = np.uint64(0)
    for x in range(bytes_.size):
        word |= ((np.uint64(bytes_[x] == value) ^ flip) & np.uint64(1)) << np.uint64(x)
    return word
