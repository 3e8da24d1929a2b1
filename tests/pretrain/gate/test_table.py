"""Oracles: rows made by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from vdit.pretrain.gate.interval import Interval
from vdit.pretrain.gate.table import EVERYTHING, WORDS, Gate, Row, as_json, ends, markdown, read, shown, verdict, write


def row(letter: str, passed: bool | None) -> Row:
    bound = "" if passed is None else "above 0"
    return verdict(letter, f"row of {letter}", "IoU", Interval(0.25, 0.125, 0.5), 7, bound=bound, passed=passed, note=f"note {letter}")


def gate(**passed: bool) -> Gate:
    rows = [row(letter, verdict) for letter, verdict in passed.items()]
    return Gate(about={"weights": "miniature", "seeds": [0, 1]}, rows=(*rows, row("a", None)))


GOOD = dict.fromkeys("abcdef", True)


def test_a_letter_passes_where_all_that_was_asked_is_met() -> None:
    both = Gate(about={}, rows=(row("a", True), row("a", False), row("a", None), row("b", True), row("c", None)))
    assert both.verdicts == {"a": False, "b": True}


@pytest.mark.parametrize("letter", "abcd")
def test_words_that_are_not_heard_support_no_ablation_of_the_prompt(letter: str) -> None:
    assert gate(**GOOD | {letter: False}).unsupported == (WORDS,)


def test_features_that_show_nothing_support_no_ablation() -> None:
    assert gate(**GOOD | {"e": False, "a": False}).unsupported == (EVERYTHING,)


def test_poor_samples_take_no_ablation_away() -> None:
    assert gate(**GOOD | {"f": False}).unsupported == () == gate(**GOOD).unsupported


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = gate(**GOOD | {"b": False})
    written = write(made, tmp_path / "new")
    assert read(written[0]) == made
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["gate.json", "gate.md"]
    assert written[1].read_text() == markdown(made)


def test_the_page_has_every_row_and_what_follows() -> None:
    text = markdown(gate(**GOOD | {"b": False}))
    assert text.count("| row of ") == 7 and text.count("| pass |") == 5 and text.count("| fail |") == 1
    assert text.count("**pass**") == 5 and text.count("**fail**") == 1
    assert f"- {WORDS}" in text and "note b" in text
    assert "- none" in markdown(gate(**GOOD))


def test_figures_are_in_their_unit() -> None:
    given = row("a", None)
    assert (shown(given), ends(given)) == ("0.250", "[0.125, 0.500]")
    assert (shown(replace(given, unit="share")), ends(replace(given, unit="share"))) == ("25.0 %", "[12.5, 50.0]")
    assert (shown(replace(given, unit="%")), ends(replace(given, unit="%"))) == ("+0.2 %", "[+0.1, +0.5]")
    nothing = replace(given, figure=-1e-9, low=-0.04, high=0.0)
    assert (shown(replace(nothing, unit="%")), ends(replace(nothing, unit="%"))) == ("+0.0 %", "[+0.0, +0.0]")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"about": {}, "rows": [{"row": "a"}]}'])
def test_a_damaged_table_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "gate.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"gate\.json holds no gate table"):
        read(path)


def test_the_json_says_the_verdicts() -> None:
    assert '"b": false' in as_json(gate(**GOOD | {"b": False}))
