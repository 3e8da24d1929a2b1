"""What the miniature world makes hard on purpose: colours that name nothing, looks never seen in training, options, and raw pixels."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from vdit.benchmarks import miniature
from vdit.benchmarks.world import captions, paths, pixels, scene, sentences
from vdit.benchmarks.world.scene import Scene, Split, Thing
from vdit.config.data import World

WORLD = World(seed=5)


def scenes(split: Split, count: int, world: World = WORLD) -> list[Scene]:
    return [scene.draw(world, scene.generator(world, split, number), split) for number in range(count)]


def looks(drawn: list[Scene]) -> set[scene.Look]:
    return {(thing.shape, thing.colour) for each in drawn for thing in each.things}


@pytest.mark.parametrize("split", ["train", "valid", "hard", "pretrain"])
def test_half_of_all_pairs_share_their_colour_and_differ_in_shape_or_motion(split: Split) -> None:
    pairs = [pair for each in scenes(split, 300) for pair in combinations(each.things, 2)]
    shared = [(one, other) for one, other in pairs if one.colour == other.colour]
    assert len(shared) >= 0.5 * len(pairs)
    assert all((one.shape, one.motion) != (other.shape, other.motion) for one, other in shared)


@pytest.mark.parametrize("split", ["train", "pretrain"])
def test_what_is_learned_from_lacks_the_unseen_looks_and_has_all_others(split: Split) -> None:
    every = {(shape, colour) for shape in scene.SHAPES for colour in scene.COLOURS}
    assert looks(scenes(split, 300)) == every - scene.UNSEEN


@pytest.mark.parametrize("split", ["valid", "hard"])
def test_every_clip_of_an_unseen_split_has_an_unseen_look(split: Split) -> None:
    drawn = scenes(split, 60)
    assert all(looks([each]) & scene.UNSEEN for each in drawn)
    assert looks(drawn) - scene.UNSEEN


def test_unseen_looks_leave_every_shape_and_colour_to_be_learned() -> None:
    kept = {(shape, colour) for shape in scene.SHAPES for colour in scene.COLOURS} - scene.UNSEEN
    assert len(scene.UNSEEN) == len(scene.COLOURS)
    assert {shape for shape, _ in kept} == set(scene.SHAPES) == {shape for shape, _ in scene.UNSEEN}
    assert {colour for _, colour in kept} == set(scene.COLOURS) == {colour for _, colour in scene.UNSEEN}


def closest(each: Scene) -> float:
    return min(scene.distance(*pair) for pair in combinations(each.things, 2))


def outside(each: Scene, thing: Thing, frame: int) -> bool:
    x, y = thing.path[frame]
    return not (0 <= x <= each.width and 0 <= y <= each.height)


def test_each_option_does_what_it_says_and_nothing_happens_without_it() -> None:
    plain = scenes("train", 40)
    assert all(closest(each) >= scene.APART for each in plain)
    assert not any(outside(each, thing, frame) for each in plain for thing in each.things for frame in (0, -1))
    assert all((each.camera == 0).all() and (each.light == 1).all() for each in plain)

    occluded = scenes("train", 40, replace(WORLD, occlusion=True))
    assert all(scene.APART_OCCLUDED <= closest(each) < scene.APART for each in occluded)
    crossing = scenes("train", 40, replace(WORLD, entering=1.0))
    for drawn, thing in [(each, thing) for each in crossing for thing in each.things]:
        assert (outside(drawn, thing, 0) != outside(drawn, thing, -1)) == (thing.motion != "still")
    shifted = scenes("train", 40, replace(WORLD, camera=0.2))
    assert max(np.abs(each.camera).max() for each in shifted) == pytest.approx(0.2 * 64, rel=0.1)
    lit = scenes("train", 40, replace(WORLD, lighting=0.3))
    assert {bool(each.light[-1] > 1) for each in lit} == {True, False} and all(abs(each.light[-1] - 1) <= 0.3 for each in lit)


def test_a_shifting_camera_moves_things_and_background_alike() -> None:
    """Frame t of a shifted scene is the first one, cut out further right: compared where both have a pixel."""
    still = replace(WORLD, width=128)
    drawn = scenes("train", 1, still)[0]
    things = tuple(replace(thing, motion="still", path=np.repeat(thing.path[:1], 12, axis=0)) for thing in drawn.things)
    shift_T2 = np.stack((np.arange(12.0), np.zeros(12)), axis=1)
    moved = replace(drawn, things=tuple(replace(thing, path=thing.path - shift_T2) for thing in things), camera=shift_T2)
    frames, labels = pixels.draw(moved)
    assert np.array_equal(labels[7, :, :-7], labels[0, :, 7:])
    noise = np.abs(frames[7, :, :-7].astype(int) - frames[0, :, 7:])
    assert noise.mean() < 4 < np.abs(frames[7].astype(int) - frames[0]).mean()


@pytest.mark.parametrize("motion", ["left", "right", "up", "down", "still"])
def test_a_wake_lies_behind_what_moves_and_belongs_to_no_mask(motion: paths.Motion) -> None:
    """Where the mean of what differs from the same scene at rest is, seen from the thing: against its direction."""
    (drawn,) = scenes("train", 1, replace(WORLD, width=160, height=160))
    thing = replace(drawn.things[0], path=np.full((12, 2), 80.0))
    alone = replace(drawn, things=(replace(thing, motion=motion),), order=(0,))
    (frames, labels), (at_rest, same) = (pixels.draw(each) for each in (alone, replace(alone, things=(replace(thing, motion="still"),))))
    assert np.array_equal(labels, same)
    changed = np.abs(frames[0].astype(int) - at_rest[0]).sum(axis=-1) * (labels[0] == 0)
    if motion == "still":
        assert not changed.any()
        return
    y, x = np.mgrid[:160, :160] + 0.5
    place = np.array([(x * changed).sum(), (y * changed).sum()]) / changed.sum() - 80
    right_down = np.array(paths.DIRECTIONS[motion])
    assert place @ right_down < -thing.radius and np.abs(place @ right_down[::-1]) < 0.2 * thing.radius
    reach = (np.stack([x - 80, y - 80], axis=-1) @ -right_down)[changed > 0]
    assert reach.max() == pytest.approx(pixels.WAKE_LENGTH * thing.radius, abs=1.5)


def test_wakes_look_alike_whatever_the_colour_of_their_things() -> None:
    drawn = scenes("train", 1)[0]
    assert any(thing.motion != "still" and thing.colour != "purple" for thing in drawn.things)
    recoloured = replace(drawn, things=tuple(replace(thing, colour="purple") for thing in drawn.things))
    (frames, labels), (others, _) = pixels.draw(drawn), pixels.draw(recoloured)
    # An outline's cells are part thing, and not of its mask.
    outside = np.stack([binary_erosion(frame == 0, iterations=2) for frame in labels])
    assert np.array_equal(frames[outside], others[outside])
    assert not np.array_equal(frames, others)


def test_no_wake_covers_a_thing() -> None:
    for drawn in scenes("hard", 6):
        at_rest = replace(drawn, things=tuple(replace(thing, motion="still") for thing in drawn.things))
        (frames, labels), (others, _) = pixels.draw(drawn), pixels.draw(at_rest)
        # Between two things, too, the ground shines through.
        each = (labels == label for label in range(1, labels.max() + 1))
        inside = np.any([[binary_erosion(frame, iterations=2) for frame in mask] for mask in each], axis=0)
        assert inside.any()
        assert np.array_equal(frames[inside], others[inside])
        assert not np.array_equal(frames, others)


def test_light_multiplies_brightness() -> None:
    drawn = scenes("train", 1)[0]
    bright, dark = pixels.draw(drawn)[0].astype(float), pixels.draw(replace(drawn, light=np.full(12, 0.5)))[0].astype(float)
    assert dark.mean() == pytest.approx(0.5 * bright.mean(), rel=0.02)


def test_hard_has_every_option_whatever_the_world_says() -> None:
    drawn = scenes("hard", 40)
    assert all(closest(each) < scene.APART for each in drawn)
    assert any(outside(each, thing, 0) for each in drawn for thing in each.things)
    assert all(np.abs(each.camera).max() > 0 and each.light[-1] != 1 for each in drawn)


def test_a_hard_split_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    world = World(train_videos=1, valid_videos=1, hard_videos=3, frames=4)
    miniature.write(tmp_path / "world", world)
    assert miniature.splits(tmp_path / "world") == ("hard", "train", "valid")
    assert len(miniature.read(tmp_path / "world", "hard", 4).videos) == 3


def cells(split: Split, count: int, patch: int) -> tuple[np.ndarray, np.ndarray]:
    """Per 8x8 cell of the first frame: mean colours of its neighbourhood of patch x patch cells [N, ...] and a one; foreground."""
    features, truth = [], []
    for each in scenes(split, count):
        frames, labels = pixels.draw(each)
        colour = frames[0].reshape(8, 8, 12, 8, 3).mean(axis=(1, 3)) / 255
        reach = patch // 2
        padded = np.pad(colour, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        windows = np.stack([padded[dy : dy + 8, dx : dx + 12] for dy in range(patch) for dx in range(patch)], axis=2)
        features.append(np.concatenate((windows.reshape(96, -1), np.ones((96, 1))), axis=1))
        truth.append((labels[0] > 0).reshape(8, 8, 12, 8).mean(axis=(1, 3)).reshape(96) >= 0.5)
    return np.concatenate(features), np.concatenate(truth)


@pytest.mark.parametrize("patch", [1, 3])
def test_a_linear_probe_of_raw_cells_does_not_find_the_objects(patch: int) -> None:
    features, truth = cells("train", 200, patch)
    held_out, wanted = cells("valid", 60, patch)
    weights = np.linalg.solve(features.T @ features + 1e-3 * np.eye(features.shape[1]), features.T @ truth)
    score = features @ weights
    best = max(np.quantile(score, np.linspace(0.4, 0.95, 23)), key=lambda bound: iou(score > bound, truth))
    found = held_out @ weights > best
    assert iou(found, wanted) < 0.4


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_what_is_pretrained_on_has_scenes_of_one_thing_too() -> None:
    drawn = scenes("pretrain", 60)
    assert {len(each.things) for each in drawn} == {1, 2, 3} and {len(each.things) for each in scenes("train", 60)} == {2, 3}


def test_captions_say_what_is_there() -> None:
    """Two of three all of it; the others of one thing what is wrong of every other."""
    drawn = [each for each in scenes("pretrain", 80) if len(each.things) > 1]
    rng = np.random.default_rng(0)
    said = [(each, captions.choose(each, rng)) for each in drawn for _ in range(6)]
    assert 0.58 < np.mean([" and " in text for _, text in said]) < 0.75
    for each, text in said:
        names = [
            sentences.say(description, thing)
            for index, thing in enumerate(each.things)
            for description in sentences.candidates(each, index)
        ]
        full = [captions.whole([thing]) for thing in each.things]
        nameless = [text for index, text in enumerate(full) if not sentences.candidates(each, index)]
        assert sorted(text.split(" and ")) == sorted(full) or names.count(text) == 1 or text in nameless
    for each in drawn:
        text = captions.whole(each.things)
        assert text.count(" and ") == len(each.things) - 1
        for part, thing in zip(text.split(" and "), each.things, strict=True):
            assert part.split()[:3] == ["an" if thing.colour == "orange" else "a", thing.colour, thing.shape]
            assert part.endswith("standing still" if thing.motion == "still" else f"moving {thing.motion}")


@pytest.mark.parametrize("attribute", captions.ATTRIBUTES)
def test_a_wrong_caption_is_wrong_in_one_way_and_of_every_thing(attribute: captions.Attribute) -> None:
    """Three things may have three of the five motions: two are left for them."""
    drawn = scenes("pretrain", 60)
    for seed, each in enumerate(drawn):
        changed = captions.wrong(each.things, attribute, np.random.default_rng(seed))
        had, has = ([getattr(thing, attribute) for thing in things] for things in (each.things, changed))
        assert not set(had) & set(has) and set(has) <= set(captions.VALUES[attribute])
        assert all((had[i] != had[j]) or (has[i] == has[j]) for i, j in combinations(range(len(had)), 2))
        assert len(set(has)) == min(len(set(had)), len(captions.VALUES[attribute]) - len(set(had)))
        assert [replace(thing, **{attribute: value}) for thing, value in zip(changed, had, strict=True)] == list(each.things)
    assert max(len({thing.motion for thing in each.things}) for each in drawn) == 3
