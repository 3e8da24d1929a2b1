"""Run lengths counted without drawing. Oracle: masks drawn pixel by pixel, and COCO's own encoding of them."""

import numpy as np
import pytest
from pycocotools import mask

from vdit.benchmarks._outlines import Runs, unpack
from vdit.score import outlines

HEIGHT, WIDTH = 20, 30


def blob(seed: int, share: float = 0.5) -> np.ndarray:
    """Long runs and short ones, more than a row, so that compressed differences have both signs."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((5, 6)) < share
    return np.kron(coarse, np.ones((4, 5), bool)) ^ (rng.random((HEIGHT, WIDTH)) < 0.02)


def text(pixels: np.ndarray) -> str:
    return str(mask.encode(np.asfortranarray(pixels, np.uint8))["counts"].decode())


def runs(pixels: np.ndarray) -> Runs:
    return Runs(pixels.shape, text(pixels))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_those_of_the_pixels(seed: int) -> None:
    prediction, truth = blob(seed), blob(seed + 100, share=seed / 19)
    given, own = (outlines.checked(runs(pixels), HEIGHT, WIDTH) for pixels in (prediction, truth))
    assert outlines.intersection(given, own) == (prediction & truth).sum()
    assert (given.pixels, own.pixels) == (prediction.sum(), truth.sum())


def test_every_spelling_means_the_same() -> None:
    pixels = blob(1)
    lengths = unpack(text(pixels))
    compressed, plain = (outlines.checked(Runs((HEIGHT, WIDTH), counts), HEIGHT, WIDTH) for counts in (text(pixels), lengths))
    assert compressed.ends.tolist() == plain.ends.tolist() == np.cumsum(lengths).tolist()
    assert compressed.pixels == plain.pixels == pixels.sum()


@pytest.mark.parametrize(("area", "pixels"), [(1, [True]), (0, [False])])
def test_full_and_empty_masks(area: int, pixels: list[bool]) -> None:
    whole = np.full((HEIGHT, WIDTH), pixels[0])
    assert outlines.checked(runs(whole), HEIGHT, WIDTH).pixels == area * HEIGHT * WIDTH


def test_empty_runs_between_others_do_not_end_the_mask() -> None:
    # 100 out, 50 in, then an empty run out, 50 in and the rest out: one run of 100 inside. COCO's library would stop at the empty run.
    odd = Runs((HEIGHT, WIDTH), [100, 50, 0, 50, 400])
    given = outlines.checked(odd, HEIGHT, WIDTH)
    assert outlines.intersection(given, given) == given.pixels == 100
    compressed = mask.frPyObjects({"size": [HEIGHT, WIDTH], "counts": [100, 50, 0, 50, 400]}, HEIGHT, WIDTH)["counts"].decode()
    again = outlines.checked(Runs((HEIGHT, WIDTH), compressed), HEIGHT, WIDTH)
    assert outlines.intersection(again, given) == outlines.intersection(again, again) == again.pixels == 100


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda good: good[:-1], "pixels together"),
        (lambda good: good + "1", "pixels together"),
        (lambda good: good[:-1] + "o", "cut off"),
        (lambda good: good[:-1] + "~", "character"),
        (lambda good: good[:2] + "é", "character"),
        (lambda good: "Z" * 40, "cut off|pixels together|has a run"),
        (lambda good: "O" + good, "has a run of -1 pixels|pixels together"),
        (lambda good: "", "pixels together"),
    ],
)
def test_a_damaged_string_is_named(spoil: object, said: str) -> None:
    damaged = spoil(text(blob(2)))  # type: ignore[operator]
    with pytest.raises(ValueError, match=said):
        outlines.checked(Runs((HEIGHT, WIDTH), damaged), HEIGHT, WIDTH)


def test_every_truncation_of_a_string_is_refused() -> None:
    good = text(blob(3))
    for length in range(len(good)):
        with pytest.raises(ValueError):
            outlines.checked(Runs((HEIGHT, WIDTH), good[:length]), HEIGHT, WIDTH)


def test_another_size_is_named() -> None:
    with pytest.raises(ValueError, match="is for a 30x20 image, its image is 20x30"):
        outlines.checked(runs(blob(0)), WIDTH, HEIGHT)
