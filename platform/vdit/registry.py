"""Families by file name: a metric, axis, benchmark, backbone or command is the file of that name in its folder.

Nothing is registered: a new member is a new file.
"""

import difflib
from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files
from types import ModuleType


def nearest(given: str, known: Iterable[str]) -> str:
    """The end of an error message about a misspelt word: the nearest right one, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def members(family: str) -> tuple[str, ...]:
    """Names of a family's files ("axes" -> "noise", "prompt", ...), none of them imported. `family` is below vdit, or a full name."""
    package = family if "." in family or family.startswith("vdit_") else f"vdit.{family}"
    entries = (entry.name for entry in files(package).iterdir())
    return tuple(sorted(name[:-3] for name in entries if name.endswith(".py") and not name.startswith("_")))


def find(family: str, name: str) -> ModuleType:
    """The member `name` of `family`; dashes in a name are underscores in its file. Raises ValueError naming the nearest."""
    stem = name.replace("-", "_")
    if stem not in members(family):
        raise ValueError(f"no {name!r} in {family}; {nearest(stem, members(family))}")
    package = family if "." in family or family.startswith("vdit_") else f"vdit.{family}"
    return import_module(f"{package}.{stem}")
