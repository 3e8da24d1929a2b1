"""Boundary pixels of masks and how many of them lie near the other mask's boundary: the counts behind F (metrics/contour.py).

A mask is outlined once, whatever it is compared with: its pixels, its boundary, and its boundary widened by the disk of the tolerance, each
as a map of 64-pixel words of the part of the frame that the widened boundary reaches. Two masks are then three counts of common bits.
The maps are stored column by column of words, so that every step runs down long columns, four or eight words in one instruction.
The kernels hold no state.

T frames, H rows, N words of a row, K half widths of the disk from its middle row outwards. A map is [C + 2, R + 2]: C columns of words
and R rows with a margin all round.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdit.metrics._packed import ALL, NONE, WORD, Bytes, Words, compiled, highest_gap, lowest, ones, pack_rows

Place = NDArray[np.int64]  # [8], of an outlined mask: what the names below say


class Labelled(NamedTuple):
    """Label maps, one pixel after the other, and the ids to look at; 0 is the empty mask.

    Pixels whose true label is `void` are taken out of the predicted masks; -1: there are none.
    """

    prediction: Bytes
    truth: Bytes
    predicted: Bytes
    true: Bytes
    void: int


AREA, POINTS, TOP, LEFT, BOTTOM, RIGHT, START, SIZE = range(8)
MAPS, SPARE = 3, 3  # maps of a mask that are kept, and those that widening needs beside them
ONE = np.uint64(1)
LAST = np.uint64(63)


@compiled
def _extent(mask_HN: Words) -> tuple[int, int, int, int]:
    """First row, last row, first pixel and last pixel of a mask; the last row is -1 if it is empty."""
    height, words = mask_HN.shape
    columns_N = np.zeros(words, np.uint64)
    top, bottom = height, -1
    for y in range(height):
        row = NONE
        for n in range(words):
            row |= mask_HN[y, n]
            columns_N[n] |= mask_HN[y, n]
        if row:
            top, bottom = min(top, y), y
    if bottom < 0:
        return 0, -1, 0, 0
    first, last = 0, words - 1
    while not columns_N[first]:
        first += 1
    while not columns_N[last]:
        last -= 1
    return top, bottom, first * WORD + lowest(columns_N[first]), last * WORD + 63 - highest_gap(columns_N[last])


@compiled
def _cut(mask_HN: Words, top: int, left: int, map_CR: Words) -> None:
    """The part of the mask that the map has room for. The margin below repeats the last row, as boundaries want; the others are empty."""
    columns, rows = map_CR.shape[0] - 2, map_CR.shape[1] - 2
    map_CR[0], map_CR[columns + 1] = 0, 0
    for n in range(columns):
        column = map_CR[n + 1]
        for y in range(rows):
            column[y + 1] = mask_HN[top + y, left + n]
        column[0], column[rows + 1] = NONE, column[rows]


@compiled
def _boundary(map_CR: Words, edge: np.uint64, boundary_CR: Words) -> int:
    """Mark the pixels whose 2 x 2 block (right, below, edges replicated) is not uniform; their number.

    `edge` is the frame's last pixel in the last column, zero where the frame goes on.
    """
    columns, rows = map_CR.shape[0] - 2, map_CR.shape[1] - 2
    boundary_CR[0], boundary_CR[columns + 1] = 0, 0
    count = 0
    for n in range(1, columns + 1):
        mask, beside, out = map_CR[n], map_CR[n + 1], boundary_CR[n]
        last = edge if n == columns else NONE
        out[0], out[rows + 1] = NONE, NONE
        for y in range(1, rows + 1):
            here, down = mask[y], mask[y + 1]
            right = (here >> ONE) | (beside[y] << LAST) | (here & last)
            down_right = (down >> ONE) | (beside[y + 1] << LAST) | (down & last)
            out[y] = (here ^ right) | (here ^ down) | (here ^ down_right)
        for y in range(1, rows + 1):
            count += ones(out[y])
    return count


@compiled
def _reached(boundary_CR: Words, reach: int) -> NDArray[np.int64]:
    """Where the widened boundary can have a pixel: runs [., 3] of column, first row and row behind the last. Most of a frame has none."""
    columns, rows = boundary_CR.shape[0] - 2, boundary_CR.shape[1] - 2
    runs_X3 = np.empty((columns * (rows // (2 * reach + 1) + 1), 3), np.int64)
    whole, part = reach // WORD, np.uint64(WORD - 1 - reach % WORD)
    near_R = np.empty(rows + 1, np.uint64)
    found = 0
    for n in range(1, columns + 1):
        # Of the last words that are near enough those bits that are, and perhaps one more.
        before, here, behind = boundary_CR[max(n - whole - 1, 0)], boundary_CR[n], boundary_CR[min(n + whole + 1, columns + 1)]
        for y in range(rows + 1):
            near_R[y] = here[y] | (before[y] >> part) | (behind[y] << part)
        for m in range(max(n - whole, 1), min(n + whole, columns) + 1 if whole else 0):
            near_R |= boundary_CR[m, : rows + 1]
        y = 1
        while y <= rows:
            if not near_R[y]:
                y += 1
                continue
            first, last = y, y
            while y <= min(last + 2 * reach, rows):
                last = y if near_R[y] else last
                y += 1
            runs_X3[found, 0], runs_X3[found, 1], runs_X3[found, 2] = n, max(first - reach, 1), min(last + reach, rows) + 1
            found += 1
    return runs_X3[:found]


@compiled
def _broaden(map_CR: Words, step: int, runs_X3: NDArray[np.int64], out_CR: Words) -> None:
    """Each pixel with those `step` < 64 to its left and right."""
    near, far = np.uint64(step), np.uint64(WORD - step)
    for x in range(len(runs_X3)):
        n, start, end = runs_X3[x, 0], runs_X3[x, 1], runs_X3[x, 2]
        before, here, behind = map_CR[n - 1, start:end], map_CR[n, start:end], map_CR[n + 1, start:end]
        out = out_CR[n, start:end]
        for y in range(out.size):
            out[y] = here[y] | (here[y] << near) | (here[y] >> near) | (before[y] >> far) | (behind[y] << far)


@compiled
def _heighten(map_CR: Words, joined_CR: Words, runs_X3: NDArray[np.int64], out_CR: Words) -> None:
    """Each pixel with those above and below it, and with the pixel of the other map."""
    for x in range(len(runs_X3)):
        n, start, end = runs_X3[x, 0], runs_X3[x, 1], runs_X3[x, 2]
        above, here, below = map_CR[n, start - 1 : end - 1], map_CR[n, start:end], map_CR[n, start + 1 : end + 1]
        joined, out = joined_CR[n, start:end], out_CR[n, start:end]
        for y in range(out.size):
            out[y] = above[y] | here[y] | below[y] | joined[y]


@compiled
def _widen(boundary_CR: Words, widths_K: NDArray[np.int64], spare_3CR: Words, wide_CR: Words) -> None:
    """The boundary with the disk round each of its points, in `wide_CR`.

    A disk is its rows one above the other. From the outermost, shortest row inwards: all so far grows by a row up and down, and is
    joined by the boundary broadened to the next row's width.
    """
    reach = widths_K.size - 1
    runs_X3 = _reached(boundary_CR, reach)
    spare_3CR[:], wide_CR[:] = 0, 0
    broad_CR, next_CR, other_CR = boundary_CR, spare_3CR[0], spare_3CR[1]
    # Each round writes to the other map, and the last one to `wide_CR`.
    high_CR, out_CR, last_CR = (boundary_CR, wide_CR, spare_3CR[2]) if reach % 2 else (boundary_CR, spare_3CR[2], wide_CR)
    width = 0
    for k in range(reach - 1, -1, -1):
        while width < widths_K[k]:
            # A run of 2 width + 1 pixels moved further than its length would leave a gap.
            step = min(widths_K[k] - width, 2 * width + 1, WORD - 1)
            _broaden(broad_CR, step, runs_X3, next_CR)
            broad_CR, next_CR, other_CR = next_CR, other_CR, next_CR
            width += step
        _heighten(high_CR, broad_CR, runs_X3, out_CR)
        high_CR, out_CR, last_CR = out_CR, last_CR, out_CR


@compiled
def _map(maps: Words, place: Place, number: int) -> Words:
    """The mask, its boundary or its widened boundary; from 3 on what is spare."""
    columns, rows = place[RIGHT] - place[LEFT] + 2, place[BOTTOM] - place[TOP] + 2
    start = place[START] + number * place[SIZE]
    return maps[start : start + place[SIZE]].reshape(columns, rows)


@compiled
def _outline(mask_HN: Words, width: int, widths_K: NDArray[np.int64], maps: Words, place: Place) -> Words:
    """Write the maps of a mask from the START of its `place` on, and what they are to `place`; the maps, larger if there was no room."""
    height, words = mask_HN.shape
    reach = widths_K.size - 1
    start = place[START]
    place[:] = 0
    place[START] = start
    top, bottom, first, last = _extent(mask_HN)
    if bottom < 0:
        return maps
    # A boundary begins one row above its mask and one pixel beside it.
    place[TOP], place[BOTTOM] = max(top - 1 - reach, 0), min(bottom + 1 + reach, height)
    place[LEFT], place[RIGHT] = max(first - 1 - reach, 0) // WORD, min((last + reach) // WORD + 1, words)
    place[SIZE] = (place[RIGHT] - place[LEFT] + 2) * (place[BOTTOM] - place[TOP] + 2)
    needed = start + (MAPS + SPARE) * place[SIZE]
    if needed > maps.size:
        larger = np.empty(2 * needed, np.uint64)
        larger[:start] = maps[:start]
        maps = larger
    map_CR, boundary_CR = _map(maps, place, 0), _map(maps, place, 1)
    _cut(mask_HN, place[TOP], place[LEFT], map_CR)
    for n in range(1, map_CR.shape[0] - 1):
        for y in range(1, map_CR.shape[1] - 1):
            place[AREA] += ones(map_CR[n, y])
    edge = ONE << np.uint64((width - 1) % WORD) if place[RIGHT] == words else NONE
    place[POINTS] = _boundary(map_CR, edge, boundary_CR)
    if place[POINTS]:
        spare = maps[start + MAPS * place[SIZE] : needed].reshape(SPARE, *map_CR.shape)
        _widen(boundary_CR, widths_K, spare, _map(maps, place, 2))
    return maps


@compiled
def _common(one: Place, one_CR: Words, other: Place, other_CR: Words) -> int:
    """How many pixels two maps share."""
    top, bottom = max(one[TOP], other[TOP]) + 1, min(one[BOTTOM], other[BOTTOM]) + 1
    count = 0
    for n in range(max(one[LEFT], other[LEFT]) + 1, min(one[RIGHT], other[RIGHT]) + 1):
        ours, theirs = one_CR[n - one[LEFT], top - one[TOP] : bottom - one[TOP]], other_CR[n - other[LEFT], top - other[TOP] :]
        for y in range(ours.size):
            count += ones(ours[y] & theirs[y])
    return count


@compiled
def _compare(maps: Words, one: Place, other: Place, counts_7: NDArray[np.int64]) -> None:
    """Pixels of one, the other and both, boundary of each, matched boundary of each."""
    counts_7[:] = 0
    counts_7[0], counts_7[1], counts_7[3], counts_7[4] = one[AREA], other[AREA], one[POINTS], other[POINTS]
    if one[AREA] and other[AREA]:
        counts_7[2] = _common(one, _map(maps, one, 0), other, _map(maps, other, 0))
    if one[POINTS] and other[POINTS]:
        counts_7[5] = _common(one, _map(maps, one, 1), other, _map(maps, other, 2))
        counts_7[6] = _common(one, _map(maps, one, 2), other, _map(maps, other, 1))


@compiled
def count_masks(
    masks: tuple[Bytes, Bytes], void: Bytes, shape: tuple[int, int], widths_K: NDArray[np.int64], counts_T7: NDArray[np.int64]
) -> None:
    """Fill a row per frame: pixels of prediction, truth and both, boundary of prediction and truth, matched boundary of each.

    Bytes are pixels one after the other, of the mask if not zero; `void` has none, or those that are taken out of both masks.
    """
    height, width = shape
    pixels = height * width
    words_HN, void_HN = np.empty((height, -(-width // WORD)), np.uint64), np.empty((height, -(-width // WORD)), np.uint64)
    places, maps = np.zeros((2, SIZE + 1), np.int64), np.empty(0, np.uint64)
    for t in range(len(counts_T7)):
        if void.size:
            pack_rows(void[t * pixels : (t + 1) * pixels], np.uint8(0), NONE, width, void_HN)
        start = 0
        for m in range(2):
            mask = masks[0] if m == 0 else masks[1]
            pack_rows(mask[t * pixels : (t + 1) * pixels], np.uint8(0), ALL, width, words_HN)
            if void.size:
                words_HN &= void_HN
            places[m, START] = start
            maps = _outline(words_HN, width, widths_K, maps, places[m])
            start += MAPS * places[m, SIZE]
        _compare(maps, places[0], places[1], counts_T7[t])


@compiled
def count_labels(
    labelled: Labelled, pairs_2P: NDArray[np.int64], shape: tuple[int, int], widths_K: NDArray[np.int64], counts_P7: NDArray[np.int64]
) -> None:
    """As `count_masks`, a row per pair: places in the predicted and the true ids."""
    height, width = shape
    words_HN, void_HN = np.empty((height, -(-width // WORD)), np.uint64), np.empty((height, -(-width // WORD)), np.uint64)
    if labelled.void >= 0:
        pack_rows(labelled.truth, np.uint8(labelled.void), ALL, width, void_HN)
    first = len(labelled.predicted)
    places, maps = np.zeros((first + len(labelled.true), SIZE + 1), np.int64), np.empty(0, np.uint64)
    start = 0
    for m in range(len(places)):
        found, pixels = (labelled.predicted[m], labelled.prediction) if m < first else (labelled.true[m - first], labelled.truth)
        if not found:
            continue
        pack_rows(pixels, found, NONE, width, words_HN)
        if labelled.void >= 0 and m < first:
            words_HN &= void_HN
        places[m, START] = start
        maps = _outline(words_HN, width, widths_K, maps, places[m])
        start += MAPS * places[m, SIZE]
    for p in range(len(counts_P7)):
        _compare(maps, places[pairs_2P[0, p]], places[first + pairs_2P[1, p]], counts_P7[p])
