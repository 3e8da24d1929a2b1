"""Colours of label maps. Oracle: the colours of DAVIS's first annotations, and torch-free bit arithmetic by hand."""

from vdit.submit.png import PALETTE


def test_the_palette_starts_with_daviss_colours() -> None:
    first = [tuple(PALETTE[3 * index : 3 * index + 3]) for index in range(10)]
    assert first == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (128, 128, 0),
        (0, 0, 128),
        (128, 0, 128),
        (0, 128, 128),
        (128, 128, 128),
        (64, 0, 0),
        (192, 0, 0),
    ]


def test_every_id_has_a_colour_of_its_own() -> None:
    colours = {PALETTE[3 * index : 3 * index + 3] for index in range(256)}
    assert len(PALETTE) == 768 and len(colours) == 256
    assert tuple(PALETTE[-3:]) == (224, 224, 192), "bits 7, 4, 1 are red, 6, 3, 0 ... by three: 255 fills all but the lowest"
