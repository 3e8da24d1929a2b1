"""The words of an expression."""

import pytest

from vdit.clips import caption


@pytest.mark.parametrize(("text", "mirrored"), [
    ("the leftmost man on the right", "the rightmost man on the left"),
    ("a bright, upright cup left behind", "a bright, upright cup right behind"),
    ("right-hand dog moving leftwards", "left-hand dog moving rightwards"),
    ("the righthand one, rightward", "the lefthand one, leftward"),
    ("left", "right"),
    ("the copyright frightened the cleft lefty", "the copyright frightened the cleft lefty"),
    ("man's left, dog's right.", "man's right, dog's left."),
])  # fmt: skip
def test_mirror_exchanges_sides_and_only_sides(text: str, mirrored: str) -> None:
    assert caption.mirror(text) == mirrored
    assert caption.mirror(mirrored) == text


def test_a_tested_expression_is_as_trained_or_as_written() -> None:
    assert caption.at_test("A  Dog", "lower") == caption.normalise("A  Dog") == "a dog"
    assert caption.at_test("A  Dog", "released") == "A  Dog"


def test_normalise_lowers_and_squeezes() -> None:
    assert caption.normalise("  A  Dog\ton the\nLEFT ") == "a dog on the left"
