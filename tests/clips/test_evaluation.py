"""Clips as they are predicted, and Figure 5's light noise."""

import numpy as np
import pytest

from vdit.clips.evaluation import brighten, evaluation_sample
from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.video import Expression

NAMES = [f"{t:05d}" for t in range(400)]


def test_the_whole_clip_at_the_asked_size_without_augmentation(squares: type) -> None:
    split = squares((6,), (1,))
    video = split.videos[0]
    drawn = evaluation_sample(split, video, Expression("0", "The  Square", 1), tuple(range(6)), Evaluate(short_side=80), Data())
    assert drawn.frames.shape == (6, 80, 120, 3) and drawn.masks.shape == (6, 80, 120)
    assert drawn.frames[:, 0, 0, 0].tolist() == [10, 11, 12, 13, 14, 15]
    assert drawn.boxes_T4[0].tolist() == [20, 10, 58, 28]
    assert drawn.text == "the square" and (drawn.video, drawn.expression) == ("v0", "0")


def test_boxes_and_case_are_as_the_data_say(squares: type) -> None:
    split = squares((1,), (1,))
    data = Data(boxes="exclusive", captions="released")
    drawn = evaluation_sample(split, split.videos[0], split.videos[0].expressions[0], (0,), Evaluate(short_side=0), data)
    assert drawn.boxes_T4.tolist() == [[10, 5, 30, 15]]
    assert drawn.text == "the Square  on the LEFT"


@pytest.mark.parametrize(("short", "most", "shape"), [(0, 0, (40, 60)), (0, 30, (40, 60)), (20, 24, (16, 24)), (40, 0, (40, 60))])
def test_sizes(squares: type, short: int, most: int, shape: tuple[int, int]) -> None:
    split = squares((3,), (1,))
    drawn = evaluation_sample(
        split, split.videos[0], split.videos[0].expressions[0], (1,), Evaluate(short_side=short, max_side=most), Data()
    )
    assert drawn.frames.shape == (1, *shape, 3)


def test_noise_depends_on_seed_and_video_alone(squares: type) -> None:
    split = squares((6, 6), (1, 1))

    def noise(video: int, expression: int, indices: tuple[int, ...], seed: int) -> int:
        chosen = split.videos[video]
        return evaluation_sample(split, chosen, chosen.expressions[expression], indices, Evaluate(short_side=0), Data(seed=seed)).noise_seed

    assert noise(0, 0, (0, 1), 0) == noise(0, 1, (2,), 0)
    assert len({noise(0, 0, (0,), 0), noise(1, 0, (0,), 0), noise(0, 0, (0,), 1)}) == 3


def test_given_frames_stand_in_for_those_on_disk(squares: type) -> None:
    split = squares((3,), (1,))
    frames = np.full((2, 40, 60, 3), 99, np.uint8)
    drawn = evaluation_sample(split, split.videos[0], split.videos[0].expressions[0], (0, 1), Evaluate(short_side=0), Data(), frames)
    assert (drawn.frames == 99).all() and drawn.masks.any()


def factors(level: float, draw: int, video: str = "bear") -> np.ndarray:
    frames = np.full((400, 1, 1, 3), 100, np.uint8)
    return brighten(frames, level, video, NAMES, draw)[:, 0, 0, 0] / 100


def test_half_of_the_frames_are_multiplied_by_a_uniform_number() -> None:
    u = factors(0.4, 0)
    assert np.mean(u != 1) == pytest.approx(0.5, abs=0.07)
    changed = u[u != 1]
    assert 0.6 <= changed.min() < 0.63 and 1.37 < changed.max() <= 1.4
    assert changed.mean() == pytest.approx(1, abs=0.05) and changed.std() == pytest.approx(0.8 / np.sqrt(12), abs=0.03)


def test_levels_scale_the_same_draw() -> None:
    low, high = factors(0.2, 1) - 1, factors(0.4, 1) - 1
    assert np.abs(2 * low - high).max() <= 0.02
    assert (factors(0.0, 1) == 1).all()


def test_draws_and_videos_differ_and_a_frame_does_not_depend_on_its_clip() -> None:
    assert (factors(0.4, 0) != factors(0.4, 1)).any() and (factors(0.4, 0) != factors(0.4, 0, "dog")).any()
    frames = np.full((2, 1, 1, 3), 100, np.uint8)
    assert (brighten(frames, 0.4, "bear", NAMES[7:9], 0)[:, 0, 0, 0] / 100 == factors(0.4, 0)[7:9]).all()


def test_bright_pixels_are_clamped() -> None:
    out = brighten(np.full((100, 1, 1, 3), 230, np.uint8), 0.5, "bear", NAMES[:100], 0)
    assert out.max() == 255 and out.min() >= 115
