"""Oracle: every byte of an entry flipped, and every length it can be cut to."""

import pytest

from vdit.features.envelope import ALIGNMENT, DamagedError, seal, unseal

ENTRY = b"".join(seal([b"some", memoryview(b" words")]))


def test_what_was_sealed_comes_back() -> None:
    assert bytes(unseal(ENTRY)) == b"some words"
    assert len(ENTRY) == ALIGNMENT + 10


@pytest.mark.parametrize("position", range(len(ENTRY)))
def test_any_flipped_bit_is_found(position: int) -> None:
    for bit in range(8):
        flipped = bytearray(ENTRY)
        flipped[position] ^= 1 << bit
        with pytest.raises(DamagedError):
            unseal(bytes(flipped))


@pytest.mark.parametrize("length", range(len(ENTRY)))
def test_any_torn_end_is_found(length: int) -> None:
    with pytest.raises(DamagedError):
        unseal(ENTRY[:length])


def test_what_follows_an_entry_is_found() -> None:
    with pytest.raises(DamagedError):
        unseal(ENTRY + b"\0")
