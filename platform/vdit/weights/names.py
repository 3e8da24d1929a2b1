"""Rules that name a published tensor as ours (vdit/model/released*.py), read backwards: an error names the key its reader knows."""

import re
from itertools import count
from typing import TypeAlias

Rules: TypeAlias = tuple[tuple[str, str], ...]
_OPTIONAL = re.compile(r"\(\?:[^()]*\)\?")
_GROUP = re.compile(r"\([^()]*\)")
_REFERENCE = re.compile(r"\\(\d)")


def backwards(rules: Rules) -> Rules:
    """Rules from our names to the published ones; what a published name may lack is left out."""
    return tuple(_backwards(*rule) for rule in rules)


def _backwards(key: str, name: str) -> tuple[str, str]:
    key = _OPTIONAL.sub("", key)
    groups, numbers = _GROUP.findall(key), count(1)
    assert [int(number) for number in _REFERENCE.findall(name)] == list(range(1, len(groups) + 1)), name
    pattern = _REFERENCE.sub(lambda found: groups[int(found[1]) - 1], name.replace(".", r"\."))
    template = _GROUP.sub(lambda _: rf"\{next(numbers)}", key).replace(r"\.", ".")
    return pattern, template
