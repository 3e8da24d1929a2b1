"""A folder of predictions: whose they are."""

import json
from collections.abc import Mapping
from pathlib import Path

from vdit.appearing import appearing

CARD = "predictions.json"


def claim(out: Path, identity: Mapping[str, str]) -> None:
    """Makes the folder, or goes on with one of the same `identity`, which its predictions.json tells.

    Raises ValueError for a folder with other content, and for predictions of anything else: two models must not mix in one folder.
    """
    card = out / CARD
    if not card.is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(f"{out} has content and no {CARD}, so it is no folder of predictions; name a new folder with --out")
        out.mkdir(parents=True, exist_ok=True)
        with appearing(card) as draft:
            draft.write_text(json.dumps(dict(identity), indent=1, ensure_ascii=False) + "\n")
    known = read(card)
    for name in sorted(known.keys() | identity.keys()):
        if known.get(name) != identity.get(name):
            raise ValueError(
                f"{card}: {name} is {known.get(name)!r}, this prediction's is {identity.get(name)!r}; name a new folder with --out"
            )


def read(card: Path) -> dict[str, str]:
    try:
        content = json.loads(card.read_text())
    except ValueError as error:
        raise ValueError(f"{card} is no JSON ({error}); name a new folder with --out") from error
    if not isinstance(content, dict):
        raise ValueError(f"{card} is a {type(content).__name__}, expected an object; name a new folder with --out")
    return content


def component(name: str, source: str) -> str:
    """`name` as a part of a path. Ids come from a data set's file: one with a slash would be written somewhere else."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"{source} {name!r} cannot name a folder or file; mend the data set's JSON")
    return name
