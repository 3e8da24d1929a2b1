"""What every way of scoring takes and returns: how to deal with gaps, the numbers, a row per frame, and what was wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import pandas as pd

Missing: TypeAlias = Literal["refuse", "empty"]
Kind: TypeAlias = Literal["missing", "unknown", "unusable", "remark"]

SHOWN = 4  # problems that a refusal repeats in full; it counts all


class Problem(NamedTuple):
    """Something about the predictions that whoever reads the numbers must know.

    `missing`: a mask or a folder of masks is not there. `unknown`: the truth has no such video, expression or object.
    `unusable`: a file that cannot be read as a mask of its frame. `remark`: nothing is wrong, but the protocol leaves something out.
    """

    kind: Kind
    place: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place} {self.problem}; {self.remedy}" if self.remedy else f"{self.place} {self.problem}"


class UnusableError(ValueError):
    """A file that cannot be read as a mask of its frame."""

    def __init__(self, place: Path, problem: str, remedy: str) -> None:
        self.problem = Problem("unusable", str(place), problem, remedy)
        super().__init__(str(self.problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """With `empty`, what is missing is scored as an empty mask and what is unknown is left out: both are what the public evaluators do.

    What is unusable is refused all the same: a damaged file or one of another size is not what its maker meant to be scored.
    """

    missing: Missing = "refuse"
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`numbers` are at full precision under the names of the public evaluators' results; `summary` is what a person reads, in %.

    `rows` are those of the Parquet file. `found` of `wanted` predictions were there. `problems` are those the score went on with.
    """

    protocol: str
    numbers: dict[str, Any]
    summary: pd.DataFrame
    rows: pd.DataFrame
    found: int
    wanted: int
    problems: tuple[Problem, ...] = ()


def admit(problems: Sequence[Problem], missing: Missing) -> tuple[Problem, ...]:
    """All problems, if the score may go on with them. Raises ValueError that counts those it may not and names the first."""
    fatal = ("unusable",) if missing == "empty" else ("unusable", "missing", "unknown")
    refused = [problem for problem in problems if problem.kind in fatal]
    if not refused:
        return tuple(problems)
    kinds = Counter(problem.kind for problem in refused)
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    way_out = "" if kinds["unusable"] else " (--missing empty scores the missing as empty masks and leaves out the unknown)"
    more = f" | and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    raise ValueError(f"not scored, predictions with problems: {counts}{way_out}: {' | '.join(map(str, refused[:SHOWN]))}{more}")
