"""COCO's outlines: drawn by hand and by COCO's own library, and what is said of damaged ones."""

import numpy as np
import pytest
from pycocotools import mask

from vdit.benchmarks import _outlines
from vdit.benchmarks._outlines import Runs, compress, draw

HEIGHT, WIDTH = 10, 14


def packed(*polygons: list[float]) -> list[bytes]:
    return list(_outlines.pack({"segmentation": list(polygons)})["segmentation"])


def lengths(inside: np.ndarray) -> list[int]:
    """Run lengths down the columns, the first outside of the object; counted one pixel at a time."""
    found, value = [0], False
    for pixel in inside.ravel(order="F"):
        if pixel != value:
            found.append(0)
            value = not value
        found[-1] += 1
    return found


def blobs(seed: int, share: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH)) < share


def test_polygons_are_drawn_together() -> None:
    polygons = packed([2, 1, 5, 1, 5, 4, 2, 4], [4, 3, 9.0, 3, 9, 8, 4, 8])
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[1:4, 2:5] = True
    expected[3:8, 4:9] = True
    assert np.array_equal(draw(compress(polygons, HEIGHT, WIDTH), HEIGHT, WIDTH), expected)


def test_a_polygon_is_cut_off_at_the_edge_of_the_image() -> None:
    drawn = draw(compress(packed([-1, -1, 20, -1, 20, 3, -1, 3]), HEIGHT, WIDTH), HEIGHT, WIDTH)
    assert drawn[:3].all() and not drawn[3:].any()


@pytest.mark.parametrize("seed", range(5))
def test_plain_and_compressed_runs_are_the_mask_they_were_made_of(seed: int) -> None:
    inside = blobs(seed)
    text = mask.encode(np.asfortranarray(inside))["counts"].decode()
    for counts in (lengths(inside), text):
        assert np.array_equal(draw(compress(Runs((HEIGHT, WIDTH), counts), HEIGHT, WIDTH), HEIGHT, WIDTH), inside)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.98, 1.0])
def test_strings_of_cocos_library_are_unpacked(share: float) -> None:
    inside = np.random.default_rng(0).random((300, 400)) < share
    assert _outlines.unpack(mask.encode(np.asfortranarray(inside))["counts"].decode()) == lengths(inside)


def test_what_is_no_list_of_numbers_is_left_for_whoever_checks() -> None:
    assert _outlines.pack({"segmentation": [[1, "2"], 3], "id": 4}) == {"segmentation": [[1, "2"], 3], "id": 4}
    huge = {"segmentation": [[1, 10**400]]}
    assert _outlines.pack(huge) == {"segmentation": [[1, 10**400]]}, "no float64"
    assert _outlines.pack({"segmentation": {"counts": [1]}}) == {"segmentation": {"counts": [1]}}
    assert np.frombuffer(packed([1, 2.5, 0.1])[0]).tolist() == [1.0, 2.5, 0.1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1.0, 2.0, 3.0], "a list of numbers"),
        (packed([1, 2, 3, 4])[0], "three points or more, not 4 numbers"),
        (packed([1, 2, 3, 4, 5, 6, 7])[0], "three points or more, not 7 numbers"),
    ],
    ids=["unpacked", "a box", "half a point"],
)
def test_a_damaged_polygon_is_refused(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _outlines.polygon(given)


GOOD = mask.encode(np.asfortranarray(blobs(0)))["counts"].decode()


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([], "holds no polygon"),
        (packed([1, 1, 5, 1, float("nan"), 5]), "no number or lies more than 28 pixels away"),
        (packed([1, 1, 5, 1, 5, 1e9]), "no number or lies more than 28 pixels away"),
        (packed([20, 1, 25, 1, 25, 5]), "covers no pixel of its 14x10 image"),
        (Runs((HEIGHT, WIDTH), [140]), "covers no pixel of its 14x10 image"),
        (Runs((WIDTH, HEIGHT), [0, 140]), "is for a 10x14 image, its image is 14x10"),
        (Runs((HEIGHT, WIDTH), [0, 139]), "has runs of 139 pixels together, its image has 140"),
        (Runs((HEIGHT, WIDTH), []), "has runs of 0 pixels together"),
        (Runs((HEIGHT, WIDTH), [150, -10]), "has a run of -10 pixels"),
        (Runs((HEIGHT, WIDTH), GOOD[:-4]), "pixels together|cut off"),
        (Runs((HEIGHT, WIDTH), GOOD[:-1] + "P"), "cut off"),
        (Runs((HEIGHT, WIDTH), "!" + GOOD), "has the character '!'"),
    ],
)
def test_a_damaged_outline_is_refused(segmentation: list[bytes] | Runs, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compress(segmentation, HEIGHT, WIDTH)
