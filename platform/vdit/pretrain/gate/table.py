"""The gate's table: what was measured of a backbone, how sure it is, what was asked of it, and which ablations that leaves without ground.

Nothing here needs torch: reports read it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vdit.appearing import appearing
from vdit.config.identity import GATE
from vdit.pretrain.gate.interval import Interval

Unit = Literal["%", "IoU", "share"]
# Its format (z: what rounds to nothing has no sign), by what it is multiplied, and what stands behind it.
SHOWN: dict[Unit, tuple[str, int, str]] = {"%": ("+z.1f", 1, " %"), "IoU": ("z.3f", 1, ""), "share": (".1f", 100, " %")}
JSON, MARKDOWN = GATE
QUESTIONS = {
    "a": "Does a caption with wrong words denoise worse?",
    "b": "Does it know which colour belongs to which thing?",
    "c": "Do the words say, in the features, which thing is meant?",
    "d": "Are words through the backbone as good as words added behind it?",
    "e": "Do the features tell things from the background?",
    "f": "Do samples show what their caption names?",
}
# What a study asks of a backbone when it varies an axis. Samples (f) are asked of none: a study reads features.
WORDS = "prompt: text and image+text, and whatever an arm with words is compared for"
EVERYTHING = "every axis: what the arms differ in would be read off features that do not show where things are"


@dataclass(frozen=True, kw_only=True)
class Row:
    """`low` and `high` enclose `figure` at 95 %. `bound` is what it had to reach; "" and `passed` None where nothing was asked.

    `count` is of clips, or of samples. `note` says more of the figure.
    """

    row: str
    says: str
    unit: Unit
    figure: float
    low: float
    high: float
    bound: str
    passed: bool | None
    count: int
    note: str


@dataclass(frozen=True, kw_only=True)
class Gate:
    """`about` says what was measured: weights, world, seeds, sizes, and how long it took."""

    about: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def verdicts(self) -> dict[str, bool]:
        """Of each letter, whether all that was asked of it is met."""
        asked = [row for row in self.rows if row.passed is not None]
        return {letter: all(row.passed for row in asked if row.row == letter) for letter in sorted({row.row for row in asked})}

    @property
    def unsupported(self) -> tuple[str, ...]:
        """The ablations that this backbone gives no ground for."""
        failed = {letter for letter, passed in self.verdicts.items() if not passed}
        if "e" in failed:
            return (EVERYTHING,)
        return (WORDS,) if failed & {"a", "b", "c", "d"} else ()


def verdict(
    row: str, says: str, unit: Unit, found: Interval, count: int, *, bound: str = "", passed: bool | None = None, note: str = ""
) -> Row:
    """A control, of which nothing is asked, unless there is a `bound`."""
    ends = {"figure": found.figure, "low": found.low, "high": found.high}
    return Row(row=row, says=says, unit=unit, **ends, bound=bound, passed=passed, count=count, note=note)


def write(gate: Gate, folder: Path) -> tuple[Path, Path]:
    """gate.json and gate.md in a folder, which is made where it is not there."""
    written = folder / JSON, folder / MARKDOWN
    for path, text in zip(written, (as_json(gate), markdown(gate)), strict=True):
        with appearing(path) as draft:
            draft.write_text(text, encoding="utf-8")
    return written


def as_json(gate: Gate) -> str:
    content = {"about": gate.about, "verdicts": gate.verdicts, "unsupported": gate.unsupported, "rows": [asdict(row) for row in gate.rows]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Gate:
    """The table in a gate.json. Raises ValueError naming the file where it is none."""
    try:
        return of(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no gate table ({error!r}); make it again: vdit pretrain gate --weights {path.parent}") from error


def of(content: Mapping[str, Any]) -> Gate:
    """The table of what `as_json` writes. Raises KeyError or TypeError where it is none."""
    return Gate(about=content["about"], rows=tuple(Row(**row) for row in content["rows"]))


def markdown(gate: Gate) -> str:
    """A table for people: a question, its rows, and what follows from them."""
    lines = ["# What this backbone knows", "", *(f"{name}: {value}  " for name, value in gate.about.items()), ""]
    lines += ["| | measured | figure | 95 % interval | asked | |", "|:--|:--|--:|:-:|:--|:--|"]
    for letter, met, rows in parts(gate):
        lines += [f"| **{letter}** | **{QUESTIONS[letter]}** | | | | **{met}** |"]
        lines += [f"| | {' | '.join(texts(row))} |" for row in rows]
    lines += ["", *(f"{row.row}, {row.says} ({row.count}): {row.note}  " for row in gate.rows if row.note), ""]
    lines += ["Ablations that this backbone does not support:", "", *(f"- {name}" for name in gate.unsupported or ("none",))]
    return "\n".join(lines) + "\n"


def parts(gate: Gate) -> Iterator[tuple[str, str, list[Row]]]:
    """Question by question that something was measured for: its letter, whether it is met, and its rows."""
    for letter in QUESTIONS:
        if rows := [row for row in gate.rows if row.row == letter]:
            yield letter, outcome(gate.verdicts.get(letter)), rows


def texts(row: Row) -> tuple[str, str, str, str, str]:
    """What was measured, its figure, interval and bound, and whether it is met."""
    return row.says, shown(row), ends(row), row.bound, outcome(row.passed)


def shown(row: Row) -> str:
    digits, times, behind = SHOWN[row.unit]
    return f"{times * row.figure:{digits}}{behind}"


def ends(row: Row) -> str:
    digits, times, _ = SHOWN[row.unit]
    return "[" + ", ".join(f"{times * end:{digits}}" for end in (row.low, row.high)) + "]"


def outcome(passed: bool | None) -> str:
    return {True: "pass", False: "fail", None: ""}[passed]
