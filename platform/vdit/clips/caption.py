"""The words of an expression: spelled one way in training and at test, and mirrored with the picture."""

import re

# Whole words only: "bright" and "upright" have no side.
SIDE = re.compile(r"\b(left|right)(?=(?:most|wards?|hand)?\b)")


def normalise(text: str) -> str:
    """Lower case and single spaces, at test too; the released code lowers the case in training only (spec B13)."""
    return " ".join(text.lower().split())


def mirror(text: str) -> str:
    """Exchange left and right (leftmost, rightward, right-hand ...) in a normalised expression (spec B6)."""
    return SIDE.sub(lambda side: "right" if side[0] == "left" else "left", text)
