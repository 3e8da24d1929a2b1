"""Which problems a score may go on with, and what a refusal says of the others."""

import pytest

from vdit.score.result import SHOWN, Kind, Missing, Problem, admit


def problem(kind: Kind, place: str = "a.png") -> Problem:
    return Problem(kind, place, "is odd", "mend it")


@pytest.mark.parametrize(
    ("kind", "missing", "goes_on"),
    [
        ("missing", "refuse", False),
        ("unknown", "refuse", False),
        ("unusable", "refuse", False),
        ("remark", "refuse", True),
        ("missing", "empty", True),
        ("unknown", "empty", True),
        ("unusable", "empty", False),
        ("remark", "empty", True),
    ],
)
def test_which_problems_are_admitted(kind: Kind, missing: Missing, goes_on: bool) -> None:
    problems = [problem("remark", "b.png"), problem(kind)]
    if goes_on:
        assert admit(problems, missing) == tuple(problems)
        return
    with pytest.raises(ValueError, match=rf"1 {kind}.*: a\.png is odd; mend it$"):
        admit(problems, missing)


def test_a_refusal_counts_all_and_names_the_first() -> None:
    with pytest.raises(ValueError) as caught:
        admit([problem("missing", f"{number}.png") for number in range(SHOWN + 3)] + [problem("unknown")], "refuse")
    said = str(caught.value)
    assert f"{SHOWN + 3} missing, 1 unknown" in said and said.endswith(f"{SHOWN - 1}.png is odd; mend it | and 4 more")


def test_a_way_out_is_offered_only_where_it_leads_out() -> None:
    for problems, offered in (([problem("missing")], True), ([problem("missing"), problem("unusable")], False)):
        with pytest.raises(ValueError) as caught:
            admit(problems, "refuse")
        assert ("--missing empty" in str(caught.value)) == offered
