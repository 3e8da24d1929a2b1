"""Oracle: weights that nobody trained, which hear nothing."""

from pathlib import Path

import pytest

from vdit.config.data import World
from vdit.config.model import Model
from vdit.pretrain.gate.run import Sizes, by_kind, run

WORLD = World(seed=5, frames=3, height=32, width=64)
SMALL = Sizes(clips=8, fitted=16, same_colour=8, foreground=8, samples=8, classified=16, held_out=8)


def test_all_numbers_grow_and_shrink_with_the_clips() -> None:
    assert Sizes.scaled(Sizes().clips) == Sizes()
    assert Sizes.scaled(96) == Sizes(clips=96, fitted=200, same_colour=100, foreground=100, samples=16, classified=1000, held_out=100)
    assert Sizes.scaled(8).samples == 8


def test_captions_are_sorted_by_kind() -> None:
    assert by_kind([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]) == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_seeds_are_there_and_differ(model: Model, folder: Path, seeds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="seeds are"):
        run(folder, model, WORLD, seeds, lambda line: None, identity="d" * 64, sizes=SMALL)


@pytest.mark.slow
def test_weights_that_nobody_trained_hear_no_words(model: Model, folder: Path) -> None:
    lines: list[str] = []
    gate = run(folder, model, WORLD, (0, 1), lines.append, identity="d" * 64, sizes=SMALL)
    assert list(gate.verdicts) == list("abcdef")
    assert not any(gate.verdicts[letter] for letter in "abe")
    assert gate.about["trained"] is False and gate.about["seeds"] == [0, 1]
    assert len(lines) == 2 * 4 + 1
    again = run(folder, model, WORLD, (0, 1), lines.append, identity="d" * 64, sizes=SMALL)
    assert again.rows == gate.rows
