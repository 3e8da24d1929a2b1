"""What ended the attempts at a trial, in its folder's attempts.json: it outlives the driver, so that budgets are those of the trial."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from vdit.train.folder import write_json

NAME = "attempts.json"
FAILURE = "failure.json"
# infrastructure: a worker or its node went away. code: an exception. value: a loss or parameter that is not finite. input: data, disk or
# configuration is refused, and the message says what to mend.
Kind = Literal["infrastructure", "code", "value", "input"]


@dataclass(frozen=True, slots=True)
class Loss:
    """An attempt that ended without a result, `at` seconds since the epoch.

    `stack` identifies the stack trace (stack.py), "" where there is none. `progressed`: the attempt passed a checkpoint of its own.
    `waited` is how many seconds passed until the next attempt began, 0 while none has.
    """

    kind: Kind
    reason: str
    stack: str
    at: float
    progressed: bool
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """All losses of a trial since it was last cleared (`--retry-failed`, `vdit forget`), oldest first."""

    losses: tuple[Loss, ...] = ()

    def count(self, kind: Kind) -> int:
        return sum(loss.kind == kind for loss in self.losses)

    def stalled(self) -> int:
        """How many times in a row it was lost without a checkpoint in between; the last loss counts in any case."""
        count = 0
        for loss in reversed(self.losses):
            count += 1
            if loss.progressed:
                break
        return count

    def lost(self, loss: Loss) -> "Attempts":
        return Attempts((*self.losses, loss))

    def resumed(self, now: float) -> "Attempts":
        """The next attempt begins `now`."""
        *before, last = self.losses
        return Attempts((*before, replace(last, waited=max(0.0, now - last.at))))


def read(folder: Path) -> Attempts:
    """None lost where there is no file. Raises ValueError naming a file that is damaged."""
    file = folder / NAME
    if not file.exists():
        return Attempts()
    try:
        return Attempts(tuple(Loss(**loss) for loss in json.loads(file.read_bytes())["losses"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file}: {error}; remove it, and the trial's retries are counted anew") from error


def write(folder: Path, attempts: Attempts) -> None:
    write_json(folder / NAME, {"losses": [asdict(loss) for loss in attempts.losses]})


def clear(folder: Path) -> None:
    """The trial has its whole budgets again. Its checkpoint stays."""
    for name in (NAME, FAILURE):
        (folder / name).unlink(missing_ok=True)
