"""Reading anybody's video. Oracle: the frames that were written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.predict.footage import clips, footage


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Three frames of grey, twice as bright each time."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, suffix in enumerate((".png", ".jpg", ".PNG")):
        Image.new("RGB", (30, 20), (20 * 2**index,) * 3).save(folder / f"{index:03d}{suffix}")
    (folder / "notes.txt").write_text("no frame")
    (folder / ".hidden.png").write_text("no frame")
    return folder


def test_a_file_comes_window_by_window_in_rgb(film: Callable[..., Path]) -> None:
    source = footage(film(5))
    assert (source.frames(), source.rate) == (5, 10.0)
    parts = list(clips(source, 2))
    assert [names for names, _ in parts] == [("00000", "00001"), ("00002", "00003"), ("00004",)]
    assert [pixels.shape for _, pixels in parts] == [(2, 32, 64, 3), (2, 32, 64, 3), (1, 32, 64, 3)]
    red, green, blue = parts[0][1][0, 14, 6].astype(int)
    assert red > 180 and blue < 90 and green < 120, "the square is red"


def test_a_folder_comes_in_the_order_of_its_names(frames: Path) -> None:
    source = footage(frames)
    (names, pixels), (last, _) = clips(source, 2)
    assert source.frames() == 3 and names == ("000", "001") and last == ("002",)
    assert np.abs(pixels.astype(int).mean(axis=(1, 2, 3)) - (20, 40)).max() < 2


def test_a_file_that_was_cut_gives_what_can_be_decoded_and_says_more(film: Callable[..., Path], tmp_path: Path) -> None:
    """An AVI's index comes last, so that the beginning can be played without it."""
    import cv2

    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 32))
    for index in range(40):
        writer.write(np.full((32, 64, 3), 5 * index, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = footage(path)
    assert 0 < sum(len(names) for names, _ in clips(source, 7)) < source.frames() == 40


def spoil(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:60])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "no such video"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "no frames"),
        (lambda folder: spoil(folder, "000.png"), "000.png cannot be read"),
        (lambda folder: spoil(folder, "001.jpg"), "001.jpg is not a readable image"),
        (lambda folder: Image.new("RGB", (9, 9)).save(folder / "001.jpg"), "001.jpg is 9x9, but 000.png is 30x20"),
        (lambda folder: Image.new("RGB", (30, 20)).save(folder / "000.jpg"), "two frames of one name"),
    ],
)
def test_a_bad_folder_is_refused(frames: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(frames)
    with pytest.raises(ValueError, match=said):
        list(clips(footage(frames), 2))


def test_what_is_no_video_is_refused(tmp_path: Path, film: Callable[..., Path]) -> None:
    (tmp_path / "words.mp4").write_text("no video")
    whole = film(5).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("words.mp4", "cut.mp4"):
        with pytest.raises(ValueError, match=f"{name} cannot be decoded"):
            footage(tmp_path / name)


def test_numbers_of_mixed_length_are_in_their_order(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        Image.new("RGB", (30, 20), (10 * number,) * 3).save(tmp_path / f"{number}.png")
    ((names, pixels),) = clips(footage(tmp_path), 3)
    assert names == ("1", "2", "10") and pixels[:, 0, 0, 0].tolist() == [10, 20, 100]
