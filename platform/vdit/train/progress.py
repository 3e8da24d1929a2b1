"""How a worker tells where its trial is; apart from what computes, so that whoever is told needs no torch."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a trial is: `done` of `total` steps or videos of `phase`. `rows` are the step metrics since the last report."""

    phase: str
    done: int
    total: int
    rows: tuple[dict[str, float], ...] = ()
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return bool(self.result)
