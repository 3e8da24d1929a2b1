"""Resize, crop and flip against Pillow, DETR's size rule and the extents of the transformed masks."""

import numpy as np
import pytest
from PIL import Image

from vdit.clips import geometry
from vdit.clips.bilinear import Window
from vdit.clips.geometry import Clip
from vdit.config.data import Extent

BOXES: tuple[Extent, ...] = ("inclusive", "exclusive")


def blob(rng: np.random.Generator, height: int = 90, width: int = 120, boxes: Extent = "inclusive") -> Clip:
    """Noise frames and filled ellipses."""
    frames = rng.integers(0, 256, (3, height, width, 3), np.uint8)
    y, x = np.mgrid[:height, :width]
    masks = np.stack([
        ((y - rng.uniform(25, height - 25)) / rng.uniform(8, 20)) ** 2 + ((x - rng.uniform(25, width - 25)) / rng.uniform(8, 20)) ** 2 < 1
        for _ in range(3)
    ])  # fmt: skip
    return geometry.measure(frames, masks, boxes)


def extents(clip: Clip, boxes: Extent = "inclusive") -> np.ndarray:
    return geometry.measure(clip.frames, clip.masks, boxes).boxes_T4


def test_boxes_run_from_the_first_pixel_to_the_last_or_behind_it() -> None:
    masks = np.zeros((2, 10, 12), bool)
    masks[0, 2:5, 3:9] = True
    clips = [geometry.measure(np.zeros((2, 10, 12, 3), np.uint8), masks, boxes) for boxes in BOXES]
    assert [clip.boxes_T4.tolist() for clip in clips] == [[[3, 2, 8, 4], [0, 0, 0, 0]], [[3, 2, 9, 5], [0, 0, 0, 0]]]
    assert {clip.boxes_T4.dtype for clip in clips} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("size", "short", "most", "expected"), [
    ((480, 854), 360, 0, (360, 640)),
    ((480, 854), 360, 640, (360, 640)),  # 640.5 passes 640, and round(640 * 480 / 854) is 360 again
    ((240, 428), 512, 640, (359, 640)),
    ((720, 1280), 288, 640, (288, 512)),
    ((1280, 720), 480, 640, (640, 360)),
    ((400, 400), 320, 640, (320, 320)),
    ((361, 500), 288, 0, (288, 398)),  # 398.89 is cut
    ((500, 361), 288, 0, (398, 288)),
    ((480, 1152), 360, 0, (360, 864)),
])  # fmt: skip
def test_fit_follows_the_released_rule(size: tuple[int, int], short: int, most: int, expected: tuple[int, int]) -> None:
    assert geometry.fit(*size, short, most) == expected


# No centre of these sizes falls between two pixels, where either is the nearest.
@pytest.mark.parametrize("size", [(45, 60), (64, 104), (200, 312), (32, 120)])
def test_resize_is_pillows_bilinear_for_frames_and_nearest_for_masks(size: tuple[int, int]) -> None:
    clip = blob(np.random.default_rng(0))
    resized = geometry.resize(clip, *size)
    for t in range(3):
        frame = Image.fromarray(clip.frames[t]).resize(size[::-1], Image.Resampling.BILINEAR)
        mask = Image.fromarray(clip.masks[t].astype(np.uint8)).resize(size[::-1], Image.Resampling.NEAREST)
        assert np.array_equal(resized.frames[t], np.asarray(frame))
        assert np.array_equal(resized.masks[t], np.asarray(mask) > 0)
    assert resized.masks.dtype == np.bool_


@pytest.mark.parametrize("size", [(45, 60), (64, 104), (200, 312), (90, 120)])
def test_a_window_of_a_resize_is_the_crop_of_the_whole(size: tuple[int, int]) -> None:
    clip, window = blob(np.random.default_rng(3)), Window(9, 13, 31, 40)
    part, whole = geometry.resize(clip, *size, window), geometry.crop(geometry.resize(clip, *size), window)
    assert np.array_equal(part.frames, whole.frames) and np.array_equal(part.masks, whole.masks)
    assert np.array_equal(part.boxes_T4, whole.boxes_T4) and part.boxes_T4.any()


@pytest.mark.parametrize("boxes", BOXES)
@pytest.mark.parametrize("seed", range(10))
def test_carried_boxes_are_the_extents_of_the_masks_within_two_pixels(seed: int, boxes: Extent) -> None:
    rng = np.random.default_rng(seed)
    clip = blob(rng, boxes=boxes)
    for step in (
        lambda one: geometry.resize(one, 150, 200),
        geometry.flip,
        lambda one: geometry.crop(one, Window(5, 7, 130, 170)),
        lambda one: geometry.resize(one, 70, 110),
    ):
        clip = step(clip)
        boxes_T4, valid_T = geometry.check(clip)
        assert clip.masks.shape == clip.frames.shape[:3]
        assert np.abs(boxes_T4 - extents(clip, boxes))[valid_T].max(initial=0) <= 2
        assert valid_T.sum() >= 1


def test_crop_shows_the_window_and_cuts_boxes_at_it() -> None:
    masks = np.zeros((1, 20, 30), bool)
    masks[0, 5:15, 10:25] = True
    frames = np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), np.uint8)
    cropped = geometry.crop(geometry.measure(frames, masks, "inclusive"), Window(8, 4, 10, 12))
    assert np.array_equal(cropped.frames, frames[:, 8:18, 4:16])
    assert np.array_equal(cropped.masks, masks[:, 8:18, 4:16])
    assert cropped.boxes_T4.tolist() == [[6, 0, 12, 6]]
    outside = geometry.crop(geometry.measure(frames, masks, "inclusive"), Window(16, 0, 4, 30))
    assert not geometry.check(outside)[1].any()
    assert not geometry.check(outside)[0].any()


def test_flip_mirrors_everything_and_twice_is_nothing() -> None:
    clip = blob(np.random.default_rng(1))
    flipped = geometry.flip(clip)
    assert np.array_equal(flipped.frames[:, :, 0], clip.frames[:, :, -1])
    assert np.array_equal(flipped.masks[:, :, 0], clip.masks[:, :, -1])
    again = geometry.flip(flipped)
    assert np.array_equal(again.frames, clip.frames) and np.array_equal(again.boxes_T4, clip.boxes_T4)


def test_masks_that_are_stored_column_by_column_are_transformed_as_others() -> None:
    """As the files of A2D-Sentences have them."""
    clip = blob(np.random.default_rng(3))
    stored = geometry.measure(clip.frames, np.ascontiguousarray(clip.masks.transpose(0, 2, 1)).transpose(0, 2, 1), "inclusive")
    assert not stored.masks.flags.c_contiguous and np.array_equal(stored.boxes_T4, clip.boxes_T4)
    for given, expected in ((stored, clip), (geometry.flip(stored), geometry.flip(clip))):
        resized = geometry.resize(given, 64, 104)
        assert np.array_equal(given.masks, expected.masks)
        assert np.array_equal(resized.masks, geometry.resize(expected, 64, 104).masks)


@pytest.mark.parametrize("boxes", BOXES)
def test_a_flip_before_resize_and_crop_is_one_after_them_with_the_window_mirrored(boxes: Extent) -> None:
    """So a random flip may come first or last. No centre of these sizes falls between two pixels, where either is the nearest."""
    clip = blob(np.random.default_rng(2), boxes=boxes)
    first = geometry.crop(geometry.resize(geometry.flip(clip), 64, 104), Window(3, 7, 50, 80))
    last = geometry.flip(geometry.crop(geometry.resize(clip, 64, 104), Window(3, 104 - 80 - 7, 50, 80)))
    assert np.array_equal(first.masks, last.masks)
    np.testing.assert_allclose(first.boxes_T4, last.boxes_T4, atol=1e-4)
    # Pillow's weights are whole numbers of 2**-22, rounded one by one.
    assert np.abs(first.frames.astype(int) - last.frames).max() <= 1


def test_check_refuses_thin_boxes_and_boxes_without_a_pixel() -> None:
    masks = np.zeros((4, 10, 10), bool)
    masks[0, 2:5, 3] = True  # one pixel wide
    masks[1, 2:5, 3:5] = True
    masks[3, 2:5, 3:5] = True
    clip = geometry.measure(np.zeros((4, 10, 10, 3), np.uint8), masks, "inclusive")
    assert geometry.check(geometry.measure(clip.frames, masks, "exclusive"))[1].tolist() == [True, True, False, True]
    masks[3] = False
    boxes_T4, valid_T = geometry.check(clip)
    assert valid_T.tolist() == [False, True, False, False]
    assert boxes_T4.tolist() == [[0, 0, 0, 0], [3, 2, 4, 4], [0, 0, 0, 0], [0, 0, 0, 0]]
