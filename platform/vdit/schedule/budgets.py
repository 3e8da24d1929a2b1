"""Whether a lost trial runs again and when: a budget for what the infrastructure does to it, a smaller one for errors of its own."""

from dataclasses import dataclass
from hashlib import sha256

from vdit.schedule.attempts import Attempts

INFRASTRUCTURE_RETRIES = 20
INFRASTRUCTURE_SECONDS = 24 * 3600.0  # of waiting for a worker or a node, all retries together; the time that it runs is not counted
CODE_RETRIES = 2
FIRST_SECONDS = 1.0
LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Again:
    """It runs again, in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Over:
    """It has failed. `final`: another `vdit run` does not try it again by itself."""

    reason: str
    final: bool


def verdict(key: str, attempts: Attempts) -> Again | Over:
    """After the last of its losses, of which there is at least one.

    A refusal of input is told at once and tried by the next `vdit run`: what it asks for may change without the key, such as a disk.
    A value that is not finite comes again, bit for bit.
    """
    last = attempts.losses[-1]
    if last.kind == "input":
        return Over(last.reason, final=False)
    return spent(attempts) or Again(backoff(key, attempts.stalled()))


def spent(attempts: Attempts) -> Over | None:
    """Set where a budget of the trial is used up, so that it is not run again until it is cleared."""
    if attempts.count("value"):
        return Over(_last(attempts, "value"), final=True)
    errors, lost = attempts.count("code"), attempts.count("infrastructure")
    if errors > CODE_RETRIES:
        return Over(f"{_last(attempts, 'code')} (attempt {errors} of {1 + CODE_RETRIES} that ended in an error)", final=True)
    if lost > INFRASTRUCTURE_RETRIES:
        return Over(f"{_last(attempts, 'infrastructure')} ({lost} times, {INFRASTRUCTURE_RETRIES} retries are allowed)", final=True)
    waited = sum(loss.waited for loss in attempts.losses if loss.kind == "infrastructure")
    if lost and waited > INFRASTRUCTURE_SECONDS:
        hours = INFRASTRUCTURE_SECONDS / 3600
        return Over(
            f"{_last(attempts, 'infrastructure')} (it waited {waited / 3600:.1f} h to run again, {hours:.0f} are allowed)", final=True
        )
    return None


def backoff(key: str, losses: int) -> float:
    """Seconds to wait after so many losses in a row: doubled each time, less up to a half, drawn by key and count.

    The draw keeps trials that were lost together, with their node, from coming back together.
    """
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(losses - 1, 64))
    draw = int.from_bytes(sha256(f"{key} {losses}".encode()).digest()[:8]) / 2**64
    return longest * (1 - draw / 2)


def _last(attempts: Attempts, kind: str) -> str:
    return next(loss.reason for loss in reversed(attempts.losses) if loss.kind == kind)
