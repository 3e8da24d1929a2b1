"""Pixel values of a palette or grey PNG, several times as fast as Pillow and zlib: label maps are long runs, which are copied in blocks.

RFC 1950 and 1951 (zlib, deflate) and the PNG specification's filters. Only what was checked is given out: 8 bits a pixel, not interlaced,
checksums right, data exactly as long as the picture. Of any other file the caller's own reader has to say what it is.

H W pixels.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vdit.metrics._packed import compiled

Bytes = NDArray[np.uint8]
Table = NDArray[np.uint16]  # by the next bits of the data: symbol << 4 | how many bits it takes; 0: no symbol's

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER, CHUNK = struct.Struct(">II5B"), struct.Struct(">I4s")
KINDS = (0, 3)  # grey, palette
ANIMATED = b"acTL"
GREATEST = 1032  # no byte of deflate's becomes more than so many
PADDING = bytes(16)  # a word is read at once, also at the end
BLOCK = 32  # bytes that are copied at once, also at the end

LONGEST, LITERALS, DISTANCES, END = 15, 288, 32, 256  # bits of a code, symbols, and the one that ends a block
STORED, FIXED, DYNAMIC = 0, 1, 2
REPEAT, ZEROS, MORE_ZEROS = 16, 17, 18  # what a code length above 15 stands for
ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])
BASE = np.array([3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258])
EXTRA = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0])
SUB, UP, AVERAGE, PAETH = 1, 2, 3, 4
FAILED = -1


def labels(data: bytes) -> Bytes | None:
    """[H, W] of a PNG file's content; None if it is not of the kind above, or not whole."""
    chunks = dict[bytes, list[bytes]]()
    for name, body in _chunks(data):
        chunks.setdefault(name, []).append(body)
    if b"IEND" not in chunks or ANIMATED in chunks or [len(body) for body in chunks.get(b"IHDR", [])] != [HEADER.size]:
        return None
    width, height, *kind = HEADER.unpack(chunks[b"IHDR"][0])
    packed = b"".join(chunks.get(b"IDAT", []))
    size = height * (width + 1)
    if kind[0] != 8 or kind[1] not in KINDS or any(kind[2:]) or not 0 < size <= GREATEST * len(packed):
        return None
    if packed[0] & 15 != 8 or packed[1] & 32 or int.from_bytes(packed[:2], "big") % 31:
        return None
    lines, labels_HW = np.empty(size + BLOCK, np.uint8), np.empty((height, width), np.uint8)
    whole = _inflate(np.frombuffer(packed + PADDING, np.uint8), len(packed), lines)
    return labels_HW if whole and _unfilter(lines[:size].reshape(height, width + 1), labels_HW) else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies as far as the file is whole."""
    position = len(SIGNATURE)
    while data.startswith(SIGNATURE) and position + CHUNK.size <= len(data):
        length, name = CHUNK.unpack_from(data, position)
        end = position + CHUNK.size + length
        if zlib.crc32(data[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big") or end + 4 > len(data):
            return
        yield name, data[position + CHUNK.size : end]
        position = end + 4


@compiled
def _peek(data: Bytes, at: int) -> int:
    """The 48 bits from bit `at` on, the first one lowest."""
    word, first = np.uint64(0), at >> 3
    for byte in range(8):
        word |= np.uint64(data[first + byte]) << np.uint64(8 * byte)
    return np.int64((word >> np.uint64(at & 7)) & np.uint64(0xFFFF_FFFF_FFFF))


@compiled
def _bits(word: int, count: int) -> int:
    return word & ((1 << count) - 1)


@compiled
def _codes(lengths: NDArray[np.int64], table: Table) -> int:
    """Fill the table of the symbols with so many bits each; how many bits it looks at, or FAILED if they cannot tell all symbols apart."""
    numbers, most, used = np.zeros(LONGEST + 2, np.int64), 0, 0
    for length in lengths:
        if length:
            numbers[length] += 1
            most, used = max(most, length), used + (1 << (LONGEST - length))
    if used > 1 << LONGEST:
        return FAILED
    table[: 1 << most] = 0
    code = 0
    following = np.zeros(LONGEST + 2, np.int64)
    for length in range(1, LONGEST + 1):
        code = (code + numbers[length - 1]) << 1
        following[length] = code
    for symbol in range(lengths.size):
        length = lengths[symbol]
        if not length:
            continue
        # Codes are sent with the highest bit first, everything else with the lowest.
        place = 0
        for bit in range(length):
            place |= ((following[length] >> bit) & 1) << (length - 1 - bit)
        following[length] += 1
        table[place : 1 << most : 1 << length] = symbol << 4 | length
    return most


@compiled
def _lengths(data: Bytes, at: int, limit: int, table: Table, lengths: NDArray[np.int64]) -> tuple[int, int, int]:
    """Read the code lengths of a dynamic block, literals then distances; where they end in the data, and how many there are of each."""
    word = _peek(data, at)
    literals, distances, codes = _bits(word, 5) + 257, _bits(word >> 5, 5) + 1, _bits(word >> 10, 4) + 4
    at += 14
    own = np.zeros(19, np.int64)
    for code in range(codes):
        own[ORDER[code]] = _bits(_peek(data, at), 3)
        at += 3
    most = _codes(own, table)
    found = 0
    while found < literals + distances:
        word = _peek(data, at) if most > 0 and at <= limit else 0
        entry = np.int64(table[_bits(word, most)]) if most > 0 and at <= limit else 0
        if not entry:
            return FAILED, 0, 0
        symbol, taken = entry >> 4, entry & 15
        value, times, extra = symbol, 1, 0
        if symbol >= REPEAT:
            extra = 2 if symbol == REPEAT else 3 if symbol == ZEROS else 7
            times = _bits(word >> taken, extra) + (11 if symbol == MORE_ZEROS else 3)
            value = lengths[found - 1] if symbol == REPEAT and found else 0
        if found + times > literals + distances:
            return FAILED, 0, 0
        lengths[found : found + times] = value
        found += times
        at += taken + extra
    return at, literals, distances


def _move_block(typing_context: Any, out: Any, source: Any, target: Any) -> Any:
    """BLOCK bytes from one place of an array to another that they do not reach into: one or two instructions."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        block = ir.VectorType(ir.IntType(8), BLOCK).as_pointer()
        places = [builder.bitcast(cgutils.gep_inbounds(builder, array.data, place), block) for place in arguments[1:]]
        builder.store(builder.load(places[0], align=1), places[1], align=1)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.intp), generate


move_block: Callable[[Bytes, int, int], None] = intrinsic(_move_block)


@compiled
def _copy(out: Bytes, end: int, distance: int, length: int) -> None:
    """Append `length` bytes from `distance` before the end on, and up to a block of others."""
    last = end + length
    if distance == 1:
        value = out[end - 1]
        for place in range(end, last):
            out[place] = value
        return
    # A short run repeats itself: once a block of it is there, it is as good as one that lies further back.
    while distance < BLOCK and end < last:
        for place in range(distance):
            out[end + place] = out[end + place - distance]
        end += distance
        distance *= 2
    while end < last:
        move_block(out, end - distance, end)
        end += BLOCK


@compiled
def _coded(data: Bytes, limit: int, tables: tuple[Table, int, Table, int], out: Bytes, ends: tuple[int, int]) -> tuple[int, int]:
    """A block of literals and copies, from `ends` in the data and in `out` on; where it ends in both."""
    literals, literal_bits, distances, distance_bits = tables
    at, end = ends
    while at <= limit:
        word = _peek(data, at)
        entry = np.int64(literals[_bits(word, literal_bits)])
        symbol, taken = entry >> 4, entry & 15
        if symbol == END and entry:
            return at + taken, end
        if not entry or symbol > END + BASE.size or end >= out.size - BLOCK:
            return FAILED, 0
        if symbol < END:
            out[end] = symbol
            end += 1
            at += taken
            continue
        extra = EXTRA[symbol - END - 1]
        length = BASE[symbol - END - 1] + _bits(word >> taken, extra)
        taken += extra
        entry = np.int64(distances[_bits(word >> taken, distance_bits)])
        symbol = entry >> 4
        taken += entry & 15
        extra = max((symbol >> 1) - 1, 0)
        distance = (symbol if symbol < 2 else (2 + (symbol & 1)) << extra) + 1 + _bits(word >> taken, extra)
        if not entry or symbol > 29 or distance > end or end + length > out.size - BLOCK:
            return FAILED, 0
        _copy(out, end, distance, length)
        end += length
        at += taken + extra
    return FAILED, 0


@compiled
def _stored(data: Bytes, at: int, limit: int, out: Bytes, end: int) -> tuple[int, int]:
    """A block of bytes as they are."""
    first = (at + 7) >> 3
    lengths = _peek(data, first << 3)
    length, first = _bits(lengths, 16), first + 4
    if length ^ _bits(lengths >> 16, 16) != 0xFFFF or (first + length) << 3 > limit or end + length > out.size - BLOCK:
        return FAILED, 0
    out[end : end + length] = data[first : first + length]
    return (first + length) << 3, end + length


@compiled
def _inflate(data: Bytes, size: int, out: Bytes) -> bool:
    """Fill `out`, but for its last block, with what `size` bytes of zlib's format stand for; whether they are sound and just as long."""
    literals, distances = np.zeros(1 << LONGEST, np.uint16), np.zeros(1 << LONGEST, np.uint16)
    lengths = np.empty(LITERALS + DISTANCES, np.int64)
    at, limit, end, more = 16, size << 3, 0, True
    while more and at <= limit:
        word = _peek(data, at)
        more, kind = not word & 1, _bits(word >> 1, 2)
        at += 3
        if kind == STORED:
            at, end = _stored(data, at, limit, out, end)
        elif kind in (FIXED, DYNAMIC):
            first, second = LITERALS, DISTANCES
            if kind == DYNAMIC:
                at, first, second = _lengths(data, at, limit, literals, lengths)
            else:
                lengths[:144], lengths[144:256], lengths[256:280], lengths[280:288], lengths[288:] = 8, 9, 7, 8, 5
            literal_bits, distance_bits = _codes(lengths[:first], literals), _codes(lengths[first : first + second], distances)
            if at < 0 or literal_bits < 0 or distance_bits < 0:
                return False
            at, end = _coded(data, limit, (literals, literal_bits, distances, distance_bits), out, (at, end))
        else:
            return False
        if at < 0:
            return False
    return not more and at <= limit and end == out.size - BLOCK


@compiled
def _unfilter(lines_HL: Bytes, labels_HW: Bytes) -> bool:
    """Lines of a PNG, which begin with the kind of their filter, as pixels; whether every kind is known."""
    above = np.zeros(labels_HW.shape[1], np.uint8)
    for y in range(labels_HW.shape[0]):
        kind, line, out = lines_HL[y, 0], lines_HL[y, 1:], labels_HW[y]
        if kind > PAETH:
            return False
        if kind == 0:
            for x in range(out.size):
                out[x] = line[x]
        elif kind == UP:
            for x in range(out.size):
                out[x] = line[x] + above[x]
        else:
            _predicted(kind, line, above, out)
        above = out
    return True


@compiled
def _predicted(kind: int, line: Bytes, above: Bytes, out: Bytes) -> None:
    """A line whose pixels are differences from what those to the left, above and above left make expect."""
    left = corner = 0
    for x in range(out.size):
        up = np.int64(above[x])
        expected = left
        if kind == AVERAGE:
            expected = (left + up) >> 1
        elif kind == PAETH:
            by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            expected = left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner
        left, corner = (np.int64(line[x]) + expected) & 255, up
        out[x] = left
