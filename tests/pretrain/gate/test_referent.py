"""Oracles: the scenes; features that hold the answer; a probe's findings made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vdit.benchmarks.world import sentences
from vdit.config.data import World
from vdit.config.model import Model
from vdit.pretrain.gate import fusion, referent
from vdit.pretrain.gate.backbone import load
from vdit.pretrain.gate.clips import frames, pairs, take
from vdit.pretrain.gate.overlap import Overlap

CLIPS = take(pairs(World(seed=5, frames=3, height=32, width=64)), 12, referent.nameable)
SAME = np.arange(40) < 20


def test_an_expression_names_the_thing_whose_cells_are_asked_for() -> None:
    asked = referent.ask(CLIPS, 0)
    for clip, text, meant, other in zip(CLIPS, asked.said, asked.meant_BM, asked.other_BM, strict=True):
        cells = [torch.from_numpy(clip.cells_Thw == thing + 1).flatten() for thing in (0, 1)]
        thing = 0 if torch.equal(meant, cells[0]) else 1
        assert torch.equal(meant, cells[thing]) and torch.equal(other, cells[1 - thing])
        names = {sentences.say(description, clip.scene.things[thing]) for description in sentences.candidates(clip.scene, thing)}
        assert text in names


def test_either_thing_is_meant_and_the_key_says_which() -> None:
    first, again, other = referent.ask(CLIPS, 0), referent.ask(CLIPS, 0), referent.ask(CLIPS, 1)
    assert first.said == again.said != other.said
    firsts = sum(
        torch.equal(meant, torch.from_numpy(clip.cells_Thw == 1).flatten()) for clip, meant in zip(CLIPS, first.meant_BM, strict=True)
    )
    assert 0 < firsts < len(CLIPS)


def test_features_are_one_clips_whatever_is_beside_it(model: Model, folder: Path) -> None:
    """The same noise for all captions, and cells in the order of the targets."""
    backbone, said = load(folder, model), referent.ask(CLIPS, 0).said
    latents = backbone.latents(frames(CLIPS))
    found = referent.read(backbone, latents, said, 0, 1)
    assert found.shape[:2] == referent.ask(CLIPS, 0).meant_BM.shape
    assert torch.equal(found, referent.read(backbone, latents, said, 0, 1))
    assert not torch.equal(found, referent.read(backbone, latents, said, 1, 1))
    assert not torch.equal(found[-1], referent.read(backbone, latents, [""] * len(said), 0, 1)[-1])


def overlap(share: float, wobble: float = 0.0) -> Overlap:
    """IoU around `share` on forty clips."""
    either = np.full((2, 40), 10.0)
    return Overlap(either * (share + wobble * np.where(np.arange(40) % 2, 1, -1)), either, np.full((2, 40), 0.5))


# Controls that would pass if they were asked.
CONTROLS = {referent.RANDOM_WITH: overlap(0.9), referent.RANDOM_WITHOUT: overlap(0.1), referent.LATENTS: overlap(0.3)}


def verdicts(with_words: Overlap, without: Overlap) -> list[bool]:
    found = {referent.WITH: with_words, referent.WITHOUT: without, **CONTROLS}
    return [bool(row.passed) for row in referent.rows(found, SAME) if row.passed is not None]


def test_words_have_to_help_on_all_pairs_and_on_those_of_one_colour() -> None:
    assert verdicts(overlap(0.6), overlap(0.4)) == [True, True]
    assert verdicts(overlap(0.4), overlap(0.4)) == [False, False]
    assert verdicts(overlap(0.41, wobble=0.2), overlap(0.4)) == [False, False]
    colour_only = replace(overlap(0.4), both_SB=np.where(SAME, 4.0, 8.0) * np.ones((2, 1)))
    assert verdicts(colour_only, overlap(0.4)) == [True, False]


def test_nothing_is_asked_of_the_controls() -> None:
    rows = referent.controls(CONTROLS)
    assert [row.passed for row in rows] == [None] * 3
    assert [row.figure for row in rows] == pytest.approx([0.8, 0.9, 0.3])
    assert all("random weights" in row.says or "raw latents" in row.says for row in rows)


@pytest.mark.parametrize(("late", "passed"), [(0.55, True), (0.605, True), (0.62, False)])
def test_words_added_late_must_not_be_better_by_more_than_the_margin(late: float, passed: bool) -> None:
    found = {referent.WITH: overlap(0.6), referent.WITHOUT: overlap(0.4), fusion.LATE: overlap(late), fusion.LATE_LATENTS: overlap(0.5)}
    rows = fusion.rows(found, SAME)
    assert [row.passed for row in rows] == [passed, *[None] * 6]
    assert (rows[0].figure, rows[2].figure) == pytest.approx((0.6 - late, 0.1))


def test_words_that_nobody_hears_are_not_as_good_as_any() -> None:
    found = {name: overlap(0.4) for name in (referent.WITH, referent.WITHOUT, fusion.LATE, fusion.LATE_LATENTS)}
    assert fusion.rows(found, SAME)[0].passed is False


def test_late_words_are_the_same_in_every_cell() -> None:
    features, summaries = torch.randn(3, 7, 4), torch.randn(3, 2)
    found = fusion.added(features, summaries)
    assert found.shape == (3, 7, 6)
    assert torch.equal(found[..., :4], features.half()) and torch.equal(found[:, 3, 4:], summaries.half())


def test_neighbourhoods_are_cut_from_the_padded_latents() -> None:
    latents = torch.randn(2, 3, 4, 5, 6)
    found = fusion.neighbourhoods(latents).view(2, 3, 5, 6, 4, 3, 3)
    padded = torch.nn.functional.pad(latents, (1, 1, 1, 1))
    for row, column in np.ndindex(5, 6):
        assert torch.equal(found[1, 2, row, column], padded[1, 2, :, row : row + 3, column : column + 3])
