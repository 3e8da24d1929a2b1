"""Boundary pixels of packed masks and how many of them lie near the other mask's boundary: the counts behind F (metrics/contour.py).

No map is dilated. Words of 64 pixels decide most points at once (above, below or beside a point of the other boundary: matched; none in the
square: not matched); the few others look at the rows of the disk one by one. Only the box round both masks is looked at.
The kernels hold no state.

T frames, H rows, N words of a row, K half widths of the disk from its middle row outwards.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from vdit.metrics._packed import ALL, Words, compiled

Box = tuple[int, int, int, int]  # top, bottom, left, right: rows and words, ends excluded

ONE = np.uint64(1)
TOP = np.uint64(63)


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


@compiled
def _boundary(mask_HN: Words, width: int, boundary_HN: Words) -> int:
    """Mark the pixels whose 2 x 2 block (right, below, edges replicated) is not uniform; their number."""
    height, words = mask_HN.shape
    last = words - 1
    edge = ONE << np.uint64((width - 1) & 63)
    count = 0
    for y in range(height):
        here, down = mask_HN[y], mask_HN[min(y + 1, height - 1)]
        for n in range(last):
            right = (here[n] >> ONE) | (here[n + 1] << TOP)
            down_right = (down[n] >> ONE) | (down[n + 1] << TOP)
            boundary_HN[y, n] = (here[n] ^ right) | (here[n] ^ down[n]) | (here[n] ^ down_right)
        right = (here[last] >> ONE) | (here[last] & edge)
        down_right = (down[last] >> ONE) | (down[last] & edge)
        boundary_HN[y, last] = (here[last] ^ right) | (here[last] ^ down[last]) | (here[last] ^ down_right)
        for n in range(words):
            count += ones(boundary_HN[y, n])
    return count


@compiled
def _touches(map_HN: Words, y: int, x: int, reach: int, width: int) -> bool:
    """Whether row y has a bit in [x - reach, x + reach]."""
    left, right = max(x - reach, 0), min(x + reach, width - 1)
    first, last = left >> 6, right >> 6
    from_left, to_right = ALL << np.uint64(left & 63), ALL >> np.uint64(63 - (right & 63))
    if first == last:
        return bool(map_HN[y, first] & from_left & to_right)
    hit = (map_HN[y, first] & from_left) | (map_HN[y, last] & to_right)
    for n in range(first + 1, last):
        hit |= map_HN[y, n]
    return bool(hit)


@compiled
def _near(map_HN: Words, y: int, x: int, widths_K: NDArray[np.int64], width: int) -> bool:
    """Whether the map has a point within the disk round (y, x); rows are tried from the nearest on."""
    height = map_HN.shape[0]
    for k in range(widths_K.size):
        if y >= k and _touches(map_HN, y - k, x, widths_K[k], width):
            return True
        if y + k < height and _touches(map_HN, y + k, x, widths_K[k], width):
            return True
    return False


@compiled
def _join(words: Words, ahead: int, joined: Words) -> None:
    """Each word or-ed with the one `ahead`. Two buffers and plain indices, so that the loop becomes vector instructions."""
    kept = words.size - ahead
    later = words[ahead:]
    for i in range(kept):
        joined[i] = words[i] | later[i]
    joined[kept:] = words[kept:]


@compiled
def _stretch(map_HN: Words, reach: int, tall: Words, spare: Words) -> Words:
    """Each row joined with the `reach` rows above and below it: [H + 2 reach, N], of which the first H hold. Both buffers are overwritten.

    Windows of 1, 2, 4, ... rows from each row downwards, then two overlapping ones, on the map moved down by `reach`.
    """
    words, size = map_HN.shape[1], map_HN.size
    tall, spare = tall[: size + 2 * reach * words], spare[: size + 2 * reach * words]
    tall[:] = 0
    tall[reach * words : reach * words + size] = map_HN.reshape(-1)
    rows, window = 1, 2 * reach + 1
    while rows < window:
        step = min(rows, window - rows)
        _join(tall, step * words, spare)
        tall, spare = spare, tall
        rows += step
    return tall.reshape(-1, words)


@compiled
def _smear(map_HN: Words, y: int, n: int, reach: int) -> np.uint64:
    """Word n of row y with every bit spread `reach` < 64 pixels to both sides, those of the neighbouring words into it."""
    up = down = map_HN[y, n]
    done = 0
    while done < reach:
        step = min(done + 1, reach - done)
        up |= up << np.uint64(step)
        down |= down >> np.uint64(step)
        done += step
    # Of a neighbour only its bit next to this word matters: it reaches furthest.
    if n > 0 and map_HN[y, n - 1]:
        up |= ~(ALL << np.uint64(max(reach - highest_gap(map_HN[y, n - 1]), 0)))
    if n + 1 < map_HN.shape[1] and map_HN[y, n + 1]:
        down |= ~(ALL >> np.uint64(max(reach - lowest(map_HN[y, n + 1]), 0)))
    return np.uint64(up | down)


@compiled
def _matched(points_HN: Words, map_HN: Words, tall_HN: Words, widths_K: NDArray[np.int64], width: int) -> int:
    """How many points have a point of the map within the disk; `tall_HN` is the stretched map."""
    count = 0
    reach = widths_K[0]
    for y in range(points_HN.shape[0]):
        for n in range(points_HN.shape[1]):
            word = points_HN[y, n]
            if not word:
                continue
            near, possible = tall_HN[y, n], ALL
            # Beyond that (frames above 7,800 pixels across) the neighbouring words do not hold the square: every point is looked at.
            if reach < 64:
                near |= _smear(map_HN, y, n, reach)
                possible = _smear(tall_HN, y, n, reach)
            count += ones(word & near)
            word &= possible & ~near
            while word:
                count += _near(map_HN, y, (n << 6) + lowest(word), widths_K, width)
                word &= word - ONE
    return count


@compiled
def _areas(prediction: Words, truth: Words) -> tuple[int, int, int]:
    """Pixels of prediction, truth and both, from a frame's words in one line."""
    ours = theirs = both = 0
    for i in range(truth.size):
        ours += ones(prediction[i])
        theirs += ones(truth[i])
        both += ones(prediction[i] & truth[i])
    return ours, theirs, both


@compiled
def _box(prediction_HN: Words, truth_HN: Words) -> Box:
    """The rows and words that hold both masks, one of which is not empty, and a margin of one."""
    height, words = truth_HN.shape
    ours, theirs = prediction_HN.reshape(-1), truth_HN.reshape(-1)
    first, last = 0, ours.size - 1
    while not (ours[first] | theirs[first]):
        first += 1
    while not (ours[last] | theirs[last]):
        last -= 1
    top, bottom = first // words, last // words
    columns = np.zeros(words, np.uint64)
    for y in range(top, bottom + 1):
        for n in range(words):
            columns[n] |= prediction_HN[y, n] | truth_HN[y, n]
    filled = np.flatnonzero(columns)
    return max(top - 1, 0), min(bottom + 2, height), max(filled[0] - 1, 0), min(filled[-1] + 2, words)


@compiled
def _cut(mask_HN: Words, box: Box, buffer: Words) -> Words:
    """The box of a mask, contiguous, in the buffer."""
    top, bottom, left, right = box
    cut_HN = buffer[: (bottom - top) * (right - left)].reshape(bottom - top, right - left)
    cut_HN[:] = mask_HN[top:bottom, left:right]
    return cut_HN


@compiled
def _contours(prediction_HN: Words, truth_HN: Words, widths_K: NDArray[np.int64], width: int, buffers: Words) -> tuple[int, int, int, int]:
    """Boundary pixels of prediction and truth, then those of each that are matched."""
    shape, size, reach = truth_HN.shape, truth_HN.size, widths_K[0]
    ours_HN, theirs_HN = buffers[0, :size].reshape(shape), buffers[1, :size].reshape(shape)
    ours, theirs = _boundary(prediction_HN, width, ours_HN), _boundary(truth_HN, width, theirs_HN)
    if not ours or not theirs:
        return ours, theirs, 0, 0
    ours_matched = _matched(ours_HN, theirs_HN, _stretch(theirs_HN, reach, buffers[2], buffers[3]), widths_K, width)
    theirs_matched = _matched(theirs_HN, ours_HN, _stretch(ours_HN, reach, buffers[2], buffers[3]), widths_K, width)
    return ours, theirs, ours_matched, theirs_matched


@compiled
def count_frames(prediction_THN: Words, truth_THN: Words, widths_K: NDArray[np.int64], width: int, counts_T7: NDArray[np.int64]) -> None:
    """Fill a row per frame: pixels of prediction, truth and both, boundary of prediction and truth, matched boundary of each."""
    frames, height, words = truth_THN.shape
    buffers = np.empty((6, (height + 2 * widths_K[0]) * words), np.uint64)
    counts_T7[:] = 0
    for t in range(frames):
        ours_HN, theirs_HN = prediction_THN[t], truth_THN[t]
        counts_T7[t, :3] = _areas(ours_HN.reshape(-1), theirs_HN.reshape(-1))
        if counts_T7[t, 0] or counts_T7[t, 1]:
            box = _box(ours_HN, theirs_HN)
            # Where the box ends before the frame, its last row and word are empty, so that replicating its edge changes nothing.
            end = min(width, 64 * box[3]) - 64 * box[2]
            counts_T7[t, 3:] = _contours(_cut(ours_HN, box, buffers[4]), _cut(theirs_HN, box, buffers[5]), widths_K, end, buffers)
