"""What is wrong with a study, in one line: the file, the key path, what was given and the nearest right word."""

import re
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vdit.registry import nearest
from vdit.study.document import shown

Keys = Sequence[str | int]


def complaint(path: Path, keys: Keys, message: str) -> ValueError:
    """A ValueError "experiments/demo.yaml: arms.VD-T.promt: ..."."""
    place = ".".join(str(key) for key in keys)
    return ValueError(f"{shown(path)}: {place}: {message}" if place else f"{shown(path)}: {message}")


def unknown(path: Path, keys: Keys, kind: str, word: str, known: Iterable[str]) -> ValueError:
    """A complaint about the word `word`, which is no `kind`, with the nearest that is."""
    return complaint(path, keys, f"unknown {kind} {word!r}; {nearest(word, known)}")


def of_section(error: ValidationError, path: Path, root: type, under: Keys = ()) -> ValueError:
    """What pydantic found wrong first with the dataclass `root`, which is the value of the keys `under`."""
    found = error.errors()
    # A key that is misspelt is missing, too; it is the misspelling that is to be mended.
    first = next((item for item in found if item["type"] == "unexpected_keyword_argument"), found[0])
    inner = first["loc"][:-2] if first["loc"][-1:] == ("[key]",) else first["loc"]
    keys = (*under, *inner)
    if first["type"] == "unexpected_keyword_argument":
        return unknown(path, keys, "key", str(keys[-1]), _names(root, inner[:-1]))
    if first["type"] in ("missing", "missing_argument"):
        return complaint(path, keys[:-1], f"key {keys[-1]!r} is missing; add it")
    return _of_value(path, keys, [first], "value")


def of_level(error: ValidationError, path: Path, keys: Keys) -> ValueError:
    """What is wrong with an axis's level: where its type has alternatives, by the one that understood most of what was given."""
    ranks = [(_rank(item), item) for item in error.errors()]
    best = [item for rank, item in ranks if rank == max(rank for rank, _ in ranks)]
    position = [step for step in best[0]["loc"] if isinstance(step, int)]
    return _of_value(path, [*keys, *position], best, "level")


def _rank(item: ErrorDetails) -> tuple[bool, bool, bool]:
    is_word = item["type"] == "literal_error" and isinstance(item["input"], str)
    return item["type"] == "value_error", any(isinstance(step, int) for step in item["loc"]), is_word


def _of_value(path: Path, keys: Keys, errors: Sequence[ErrorDetails], kind: str) -> ValueError:
    first = errors[0]
    if first["type"] == "value_error":
        return complaint(path, keys, str(first["ctx"]["error"]))
    words = re.findall(r"'([^']*)'", first["ctx"]["expected"]) if first["type"] == "literal_error" else []
    if words and isinstance(first["input"], str):
        return unknown(path, keys, kind, first["input"], words)
    return complaint(path, keys, f"should be {' or '.join(_wanted(error) for error in errors)}, is {reprlib.repr(first['input'])}")


def _wanted(error: ErrorDetails) -> str:
    plain = {
        "dataclass_type": "a mapping of keys to values",
        "dict_type": "a mapping of keys to values",
        "tuple_type": "a list",
        "list_type": "a list",
    }
    known = plain | {"too_short": "a list that is not empty"}
    return known.get(error["type"], error["msg"].removeprefix("Input should be "))


def _names(root: type, keys: Keys) -> list[str]:
    """The fields of the dataclass that the key path leads to."""
    here: Any = root
    for key in keys:
        kind = get_type_hints(here)[str(key)]
        here = next((part for part in get_args(kind) if is_dataclass(part)), kind)
    assert is_dataclass(here)
    return [field.name for field in fields(here)]
