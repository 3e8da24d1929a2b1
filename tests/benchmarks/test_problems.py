"""The first problem is raised, unless all are listed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from vdit.benchmarks import _problems


def test_a_problem_ends_the_reading() -> None:
    with pytest.raises(ValueError, match="a is broken; mend it"):
        _problems.found("a is broken; mend it")
    _problems.further(["kept nowhere"])


def test_all_are_listed_in_order_and_the_first_is_raised_again_afterwards() -> None:
    with _problems.listed() as problems:
        _problems.found("a")
        _problems.further(["b", "c"])
        _problems.found("d")
    assert problems == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="e"):
        _problems.found("e")


def test_an_attempt_gives_what_is_read_and_none_where_its_refusal_is_listed() -> None:
    assert _problems.attempt(int, "7") == 7
    with _problems.listed() as problems:
        assert _problems.attempt(int, "f", base=8) is None
    assert len(problems) == 1 and "'f'" in problems[0]
    with pytest.raises(ValueError, match="'f'"):
        _problems.attempt(int, "f", base=8)


def test_who_reads_in_another_thread_stops_at_the_first() -> None:
    with _problems.listed() as problems, ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="a"):
        pool.submit(_problems.found, "a").result()
    assert problems == []
