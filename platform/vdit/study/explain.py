"""What is wrong with a study, in one line: the file, the key path, what was given and the nearest right word."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ValidationError

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


def of_section(error: ValidationError, path: Path, root: type) -> ValueError:
    """The first thing pydantic found wrong with the dataclass `root`."""
    first = error.errors()[0]
    keys = tuple(first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return unknown(path, keys, "key", str(keys[-1]), _names(root, keys[:-1]))
    return _of_value(path, keys, first, "value")


def of_level(error: ValidationError, path: Path, keys: Keys) -> ValueError:
    """What is wrong with an axis's level: where its type has alternatives, by the one that understood most of what was given."""
    best = max(error.errors(), key=lambda item: (isinstance(item["loc"][-1:] and item["loc"][-1], int), item["type"] == "literal_error"))
    position = [step for step in best["loc"] if isinstance(step, int)]
    return _of_value(path, [*keys, *position], best, "level")


def _of_value(path: Path, keys: Keys, error: Any, kind: str) -> ValueError:
    given, kind_of_error = error["input"], error["type"]
    if kind_of_error == "literal_error" and isinstance(given, str):
        words = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        return (
            unknown(path, keys, kind, given, words)
            if words
            else complaint(path, keys, f"expected {error['ctx']['expected']}, given {given!r}")
        )
    if kind_of_error == "value_error":
        return complaint(path, keys, str(error["ctx"]["error"]))
    if kind_of_error in ("missing", "missing_argument"):
        return complaint(path, keys[:-1], f"key {keys[-1]!r} is missing; add it")
    wanted = str(error["msg"]).removeprefix("Input should be ")
    wanted = "a mapping of keys to values" if kind_of_error in ("dataclass_type", "dict_type") else wanted
    wanted = "a list" if kind_of_error in ("tuple_type", "list_type") else wanted
    return complaint(path, keys, f"expected {wanted}, given {given!r}")


def _names(root: type, keys: Keys) -> list[str]:
    """The fields of the dataclass that the key path leads to."""
    here: Any = root
    for key in keys:
        here = get_type_hints(here)[str(key)]
    assert is_dataclass(here)
    return [field.name for field in fields(here)]
