"""Results of older code that stand over a change of the code which does not affect them (`--accept`).

They keep their key and their folder; only the plan says that they stand for trials of the code of today.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from vdit.config.key import trial_key
from vdit.config.trial import from_json

RECORD = "accepted.json"  # in a trial's folder: for which codes, and by which studies


@dataclass(frozen=True, slots=True)
class Accepted:
    """The key of a finished trial, and the code that computed it."""

    key: str
    code: str


# By the key that the trial has with the code of today.
Acceptances: TypeAlias = Mapping[str, Accepted]


def last_plan(runs: Path, study: str) -> Mapping[str, Any] | None:
    """plan.json of the study's last run; None before the first. Raises ValueError where it is damaged."""
    file = runs / "studies" / study / "plan.json"
    if not file.exists():
        return None
    try:
        plan: Mapping[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}; remove it, then `vdit run {study}` writes it again") from error
    return plan


def remembered(last: Mapping[str, Any] | None, code: str) -> Acceptances:
    """What the study's last run accepted; nothing once the code is another than the one it was accepted for."""
    if last is None or last["code"] != code:
        return {}
    return {key: Accepted(*older) for key, older in last.get("accepted", {}).items()}


def find(runs: Path, given: str, code: str) -> Acceptances:
    """Finished trials computed by the code `given`, eight digits of its digest or more, or accepted for it before.

    Raises ValueError where that is the code of today, no result's code, or several.
    """
    if not re.fullmatch(r"[0-9a-f]{8,64}", given):
        raise ValueError(f"--accept {given}: expected 8 to 64 hex digits of a code digest, as `vdit plan` shows it")
    if code.startswith(given):
        raise ValueError(f"--accept {given}: that is the code of today, whose results count anyway; name the older one")
    results = list(_results(runs))
    known = {known for _, codes in results for known in codes} - {code}
    meant = {known for known in known if known.startswith(given)}
    if len(meant) != 1:
        listed = ", ".join(sorted(digest[:12] for digest in meant or known)) or "none"
        word = "several codes begin so" if meant else "no result here is of that code"
        raise ValueError(f"--accept {given}: {word}; of other code than today's: {listed}")
    return dict(_stand_ins([about for about, codes in results if meant & codes], code))


def _results(runs: Path) -> Iterator[tuple[Mapping[str, Any], frozenset[str]]]:
    """config.json of each finished trial, with the codes that its result is good for."""
    for result in sorted(runs.glob("trials/*/result.json")):
        folder = result.parent
        if not (folder / "config.json").exists():
            continue
        about = json.loads((folder / "config.json").read_bytes())
        record = folder / RECORD
        accepted = json.loads(record.read_bytes()) if record.exists() else []
        yield about, frozenset([about["code"], *(entry["code"] for entry in accepted)])


def _stand_ins(results: list[Mapping[str, Any]], code: str) -> Iterator[tuple[str, Accepted]]:
    """Read with the classes of today: a field that is new there has its default, which is what the older code did."""
    for about in results:
        try:
            trial = from_json(json.dumps(about["trial"]))
        except ValidationError:
            continue  # a configuration that the code of today cannot express is none of its trials
        yield trial_key(trial, about["data"], about["weights"], code), Accepted(about["key"], about["code"])
