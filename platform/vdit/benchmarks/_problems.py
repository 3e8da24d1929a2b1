"""What is wrong with a data set. The first problem ends the reading, unless somebody asked for all of them (`vdit data check`)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

# Of the thread that reads: another one that reads meanwhile still stops at its first problem.
_LISTED: ContextVar[list[str] | None] = ContextVar("listed", default=None)


@contextmanager
def listed() -> Iterator[list[str]]:
    """Inside, `found` adds to the list and the reading goes on without what the problem is about."""
    problems: list[str] = []
    token = _LISTED.set(problems)
    try:
        yield problems
    finally:
        _LISTED.reset(token)


def found(problem: str) -> None:
    """A problem that leaves the rest readable, in one line with file and remedy; raises it as ValueError outside of `listed`."""
    problems = _LISTED.get()
    if problems is None:
        raise ValueError(problem)
    problems.append(problem)


def further(problems: Iterable[str]) -> None:
    """Problems beside one that is raised: nothing is left to read, but who lists them has them all."""
    kept = _LISTED.get()
    if kept is not None:
        kept.extend(problems)


def attempt(read: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result | None:
    """What `read` gives; None where it refuses with a ValueError and all problems are listed, so that the reading goes on without it."""
    try:
        return read(*given, **named)
    except ValueError as error:
        if _LISTED.get() is None:
            raise
        found(str(error))
        return None
