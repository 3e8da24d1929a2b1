"""The words of an expression: their case and spaces in training and at test, and how they are mirrored with the picture."""

import re

from vdit.config.data import Captions

# Whole words only: "bright" and "upright" have no side.
SIDE = re.compile(r"\b(left|right)(?=(?:most|wards?|hand)?\b)")


def normalise(text: str) -> str:
    """Lower case and single spaces: an expression as it is trained on."""
    return " ".join(text.lower().split())


def at_test(text: str, captions: Captions) -> str:
    """An expression as it is predicted: as in training, or, as released, the very text of the data set (spec B13)."""
    return text if captions == "released" else normalise(text)


def mirror(text: str) -> str:
    """Exchange left and right (leftmost, rightward, right-hand ...) in a normalised expression (spec B6)."""
    return SIDE.sub(lambda side: "right" if side[0] == "left" else "left", text)
