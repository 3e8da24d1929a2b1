"""Oracles: what the files import, read from their syntax trees; which stages a change concerns, by hand."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import vdit
from vdit.pretrain.graph import CODE, GRAPH
from vdit.pretrain.recipe import Pretraining, read

ROOT = Path(vdit.__file__).parent
# Files of results and folders, and of configuration that no stage reads; types that flow; parts of the model beside those that are used.
NO_PART = {
    "config/canonical.py",
    "config/model.py",
    "config/strict.py",
    "model/batch.py",
    "model/fusion.py",
    "model/tensors.py",
    "train/folder.py",
    "video.py",
}


def imported(path: Path) -> set[str]:
    """Files of vdit that a file imports, what it needs only for types left out."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vdit."):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
            files = {Path(*name.split(".")[1:]).with_suffix(".py") for name in names}
            found |= {file.as_posix() for file in files if (ROOT / file).is_file()}
    return found


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_imports_nothing_that_its_key_does_not_know(stage: str) -> None:
    own = f"pretrain/stages/{stage}.py"
    seen, todo = set[str](), {own}
    while todo:
        seen |= todo
        todo = {name for path in todo for name in imported(ROOT / path)} - seen - NO_PART
    assert not {path for path in seen - {own} if path not in CODE and not path.startswith("benchmarks/world/")}


def test_every_stage_has_a_file_and_what_it_needs_comes_first() -> None:
    order = list(GRAPH)
    assert {path.stem for path in (ROOT / "pretrain/stages").glob("*.py")} - {"__init__"} == set(order)
    assert all(order.index(need) < order.index(stage) for stage, part in GRAPH.items() for need in part.needs)


def moved(edited: Callable[..., Path], *exchanges: tuple[str, str], runs: Path) -> set[str]:
    """Stages whose key is another one after the edit."""
    before, after = read(str(edited()), runs), read(str(edited(*exchanges)), runs)
    assert (before.key == after.key) == (before.keys == after.keys)
    return {stage for stage in GRAPH if before.keys[stage] != after.keys[stage]}


@pytest.mark.parametrize(
    ("exchange", "stages"),
    [
        (("recipe: nano", "recipe: other"), set()),
        (("denoiser: {steps: 6", "denoiser: {steps: 7"), {"denoiser"}),
        (("towers: {steps: 6", "towers: {steps: 7"), {"towers", "denoiser"}),
        (("words: {steps: 6", "words: {steps: 7"), {"words"}),
        (("seed: 3", "seed: 4"), set(GRAPH) - {"clips"}),
        (("held_out: 4", "held_out: 3"), set(GRAPH) - {"clips"}),
        (("clips: 16", "clips: 17"), set(GRAPH)),
        (("seed: 5", "seed: 6"), set(GRAPH)),
        (("objects: 2}", "objects: 2, train_videos: 9}"), set()),
        (("objects: 2}", "objects: 2, valid_videos: 9}"), set()),
        (("objects: 2}", "objects: 2, hard_videos: 9}"), set()),
        (("objects: 2}", "objects: 2, lighting: 0.1}"), set(GRAPH)),
    ],
)
def test_a_change_of_the_recipe_moves_the_stages_it_concerns(
    edited: Callable[..., Path], tmp_path: Path, exchange: tuple[str, str], stages: set[str]
) -> None:
    assert moved(edited, exchange, runs=tmp_path) == stages


def test_sizes_move_the_stages_that_have_them(edited: Callable[..., Path], tmp_path: Path) -> None:
    before = read(str(edited()), tmp_path)
    after = read(str(edited(preset=(("embed_dim: 8", "embed_dim: 16"),))), tmp_path)
    assert {stage for stage in GRAPH if before.keys[stage] != after.keys[stage]} == {"swin"}


def test_recipes_share_the_folder_of_their_clips(edited: Callable[..., Path], tmp_path: Path) -> None:
    one, other = read(str(edited()), tmp_path), read(str(edited(("denoiser: {steps: 6", "denoiser: {steps: 7"))), tmp_path)
    assert one.folder != other.folder and one.place("clips") == other.place("clips")
    assert isinstance(one, Pretraining) and one.place("swin").folder == one.folder / "swin"
