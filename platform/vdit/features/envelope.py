"""The outside of a stored entry: 64 bytes that say how much follows and its checksum, so that a torn or flipped byte is found.

Torch-free, so that `vdit store verify` reads a store without it.
"""

import zlib
from collections.abc import Iterable
from typing import TypeAlias

Bytes: TypeAlias = bytes | memoryview
MAGIC = b"vdit-features-1"
ALIGNMENT = 64  # of the contents and of every tensor in them: a kernel may round otherwise where a tensor lies otherwise


class DamagedError(Exception):
    """An entry is not what was written."""


def seal(parts: Iterable[Bytes]) -> list[Bytes]:
    """The parts of an entry, with the envelope before them."""
    contents = [memoryview(part).cast("B") for part in parts]
    checksum, length = 0, 0
    for part in contents:
        checksum, length = zlib.crc32(part, checksum), length + len(part)
    return [_preamble(checksum, length), *contents]


def unseal(entry: Bytes) -> memoryview:
    """The contents of an entry. Raises DamagedError where a byte of it is missing or another than was written."""
    whole = memoryview(entry)
    contents = whole[ALIGNMENT:]
    if bytes(whole[:ALIGNMENT]) != _preamble(zlib.crc32(contents), len(contents)):
        raise DamagedError(f"{len(whole)} bytes whose checksum is not the one they were written with")
    return contents


def _preamble(checksum: int, length: int) -> bytes:
    return b"%s %08x %016x\n" % (MAGIC, checksum, length) + b"\0" * (ALIGNMENT - len(MAGIC) - 27)
