"""What a study may cost: `budget` in its file. It is no part of a trial's key."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from vdit.config.strict import STRICT
from vdit.study import explain

Limit = Annotated[float, Field(ge=0)]


@checked(frozen=True, kw_only=True, config=STRICT)
class Budget:
    """Limits over all runs of the study together; infinite where the file has none.

    `gpu_hours` and `wall_hours` count while trials run, `disk_gb` the folders of its trials (10^9 bytes).
    """

    gpu_hours: Limit = math.inf
    wall_hours: Limit = math.inf
    disk_gb: Limit = math.inf


@dataclass(frozen=True, slots=True)
class Amount:
    """What was spent, or will be, in the units of `Budget`."""

    gpu_hours: float = 0.0
    wall_hours: float = 0.0
    disk_gb: float = 0.0


def over(budget: Budget, spent: Amount) -> str:
    """Which limits are used up, in words; "" while there is something left of each."""
    found = [(name, used, limit) for name, used, limit in _rows(budget, spent) if used > limit or (used == limit and limit > 0)]
    return "; ".join(f"{used:.3g} of {limit:g} {name} are spent" for name, used, limit in found)


def check(path: Path, budget: Budget, spent: Amount, estimate: Amount, source: str) -> None:
    """Raises ValueError where what is missing would exceed the budget: better refused now than stopped half-way."""
    for (name, used, limit), (_, needed, _) in zip(_rows(budget, spent), _rows(budget, estimate), strict=True):
        if needed and used + needed > limit:
            told = f" and {used:.3g} are spent" if used else ""
            raise explain.complaint(
                path,
                ("budget", name),
                f"the trials to run need about {needed:.3g} ({source}){told}, the budget is {limit:g}; "
                "raise it, or run fewer (--arm, --seed)",
            )


def _rows(budget: Budget, amount: Amount) -> Iterator[tuple[str, float, float]]:
    for field in fields(Amount):
        yield field.name, getattr(amount, field.name), getattr(budget, field.name)
