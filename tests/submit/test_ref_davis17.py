"""Ref-DAVIS17's label maps. Oracle: the fusion written out as stacked planes and an argmax."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.submit import ref_davis17
from vdit.video import Expression, Video

FRAMES = tuple(f"{index:05d}" for index in range(3))


def said(*objects: int) -> Video:
    """Objects with four expressions each."""
    numbered = enumerate(object_ for object_ in objects for _ in range(4))
    return Video("blackswan", FRAMES, tuple(Expression(str(place), "x", object_) for place, object_ in numbered))


def planes(shares_NTHW: np.ndarray, objects: list[int], threshold: float) -> np.ndarray:
    """Background 0.1 in front, what is below the threshold at 0, the first largest plane wins."""
    kept = np.where(shares_NTHW < threshold, 0, shares_NTHW)
    stacked = np.concatenate([np.full_like(kept[:1], 0.1), kept])
    return np.array([0, *objects], np.uint8)[stacked.argmax(axis=0)]


def test_objects_compete_within_each_annotator(tmp_path: Path) -> None:
    video = said(1, 2, 10)
    rng = np.random.default_rng(0)
    shares = rng.random((12, 3, 6, 7), dtype=np.float32)
    shares[:, :, 0, 0], shares[:, :, 0, 1], shares[:, :, 0, 2] = 0.5, 0.49999, 0.9  # at and below the threshold, and equal
    with ref_davis17.writing(tmp_path, video, 0.5) as write:
        write((0, 1), ((expression, shares[place, :2]) for place, expression in enumerate(video.expressions)))
        write((2,), ((expression, shares[place, 2:]) for place, expression in enumerate(video.expressions)))
    for annotator in range(4):
        files = [tmp_path / f"anno_{annotator}/blackswan/{name}.png" for name in FRAMES]
        found = np.stack([np.asarray(Image.open(file)) for file in files])
        assert np.array_equal(found, planes(shares[annotator::4], [1, 2, 10], 0.5))
        assert found[:, 0, :3].tolist() == [[1, 0, 1]] * 3 and set(np.unique(found)) == {0, 1, 2, 10}
    assert ref_davis17.finished(tmp_path, video)


def test_files_are_palette_images_in_daviss_colours(tmp_path: Path) -> None:
    video = said(1)
    with ref_davis17.writing(tmp_path, video, 0.5) as write:
        write((0, 1, 2), ((expression, np.ones((3, 2, 2), np.float32)) for expression in video.expressions))
    with Image.open(tmp_path / "anno_3/blackswan/00002.png") as image:
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((0, 0)) == (128, 0, 0)


def test_a_video_that_lacks_an_annotator_is_not_finished(tmp_path: Path) -> None:
    for annotator in (0, 1, 3):
        (tmp_path / f"anno_{annotator}/blackswan").mkdir(parents=True)
    assert not ref_davis17.finished(tmp_path, said(1))


def test_the_id_says_the_annotator_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    video = said(1)
    mixed = Video(video.id, FRAMES, tuple(video.expressions[place] for place in (2, 0, 3, 1)))
    assert ref_davis17.annotators(mixed) == ref_davis17.annotators(video) == {"0": 0, "1": 1, "2": 2, "3": 3}


@pytest.mark.parametrize(
    "expressions",
    [
        said(1).expressions[:3],
        said(1, 2).expressions[1:5],
        said(1, 2).expressions[4:],
        (*said(1).expressions[:3], Expression("3", "x", 2)),
        (*said(1).expressions[:3], Expression("last", "x", 1)),
        tuple(Expression(str(place), "x", 0) for place in range(4)),
    ],
)
def test_expressions_that_are_not_four_an_object_are_refused(tmp_path: Path, expressions: tuple[Expression, ...]) -> None:
    video = Video("blackswan", FRAMES, expressions)
    with pytest.raises(ValueError, match="blackswan has the expressions"), ref_davis17.writing(tmp_path, video, 0.5):
        pass
    assert not list(tmp_path.iterdir())
