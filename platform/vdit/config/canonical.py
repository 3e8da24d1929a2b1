"""Canonical JSON: one text for one value, whatever the order of its keys; what the trial key is computed from."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

# Text of the frozen parts already seen, by identity, or of a view of one, by the view's name too; the part is kept so that its identity is
# not given away. Trials of a study share most of their parts, so that the key of one more costs only what differs.
Memo = dict[int | tuple[str, int], tuple[object, str]]
_WORDS = {None: "null", True: "true", False: "false"}


def canonical(value: object, memo: Memo | None = None) -> str:
    """Keys sorted, no spaces; None, True, 1, 1.0 and "1" give five texts, a tuple and a list one.

    Frozen dataclasses are mappings of their fields, and are remembered in `memo`. Raises ValueError for what JSON has no word for: NaN,
    infinity, sets, keys that are not strings.
    """
    if memo and (known := memo.get(id(value))):
        return known[1]
    match value:
        case str():
            return encode_basestring_ascii(value)
        case None | bool() | int() | float():
            return _scalar(value)
        case list() | tuple():
            return f"[{','.join([canonical(item, memo) for item in value])}]"
        case Mapping():
            return _mapping(value, memo)
    if not is_dataclass(value) or isinstance(value, type):
        raise ValueError(
            f"{value!r} of type {type(value).__name__} has no canonical JSON; use None, bool, int, float, str, list or mapping"
        )
    text = _dataclass(value, memo)
    if memo is not None:
        memo[id(value)] = (value, text)
    return text


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hex digits."""
    return sha256(canonical(value).encode()).hexdigest()


def _scalar(value: float | None) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return int.__repr__(value) if isinstance(value, int) else json.dumps(value, allow_nan=False)


def _mapping(value: Mapping[str, object], memo: Memo | None) -> str:
    odd = [key for key in value if not isinstance(key, str)]
    if odd:
        raise ValueError(f"key {odd[0]!r} is not a string; canonical JSON needs string keys")
    return "{" + ",".join([f"{encode_basestring_ascii(key)}:{canonical(value[key], memo)}" for key in sorted(value)]) + "}"


def _dataclass(value: Any, memo: Memo | None) -> str:
    return "{" + ",".join([f'"{name}":{canonical(getattr(value, name), memo)}' for name in _names(value.__class__)]) + "}"


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Sorted field names, which are plain ASCII words."""
    return tuple(sorted(field.name for field in fields(kind)))
