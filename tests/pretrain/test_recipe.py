"""What cannot work is refused before anything starts, with the key and what would work."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import RobertaForMaskedLM

from vdit.benchmarks.world import captions
from vdit.config.recipe import Recipe
from vdit.model.networks import roberta_config
from vdit.model.tokenizers import roberta_style
from vdit.pretrain import captioning, clips, feasible
from vdit.pretrain.recipe import read, resolve

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (("towers: {steps: 6", "towers: {stpes: 6"), r"towers\.stpes: unknown key 'stpes'; did you mean 'steps'\?"),
        (("seed: 3", "sede: 3"), r"unknown key 'sede'; did you mean 'seed'\?"),
        (("words: {steps: 6", "words: {steps: 0"), r"words\.steps: should be greater than or equal to 1, is 0"),
        (("denoiser: {steps: 6", "denoiser: {prediction: x0, steps: 6"), r"denoiser\.prediction: unknown value 'x0'"),
        (("denoiser: {steps: 6", "denoiser: {ema: 1.0, steps: 6"), r"denoiser\.ema: should be less than 1"),
        (("held_out: 4", "held_out: 16"), r"held_out: 16 of 16 clips leaves none"),
        (("swin: {steps: 6, batch: 4", "swin: {steps: 6, batch: 13"), r"swin\.batch: 13 different clips a step, but only 12"),
        (("denoiser: {steps: 6, batch: 4", "denoiser: {steps: 6, batch: 5"), r"denoiser\.pictures: single frames of 15 different clips"),
        (("height: 32", "height: 36"), r"world\.height: is 36; the autoencoder needs a multiple of 8"),
        (("height: 32", "height: 24"), r"nano\.yaml: world\.height is 24, expected at least 32"),
        (("objects: 2", "objects: 1"), r"nano\.yaml: world\.objects is 1, expected at least 2"),
        (("seed: 5", "seed: -5"), r"nano\.yaml: world\.seed is -5, expected at least 0"),
        (("frames: 3", "frames: 1"), r"world\.frames: is 1; motion is seen in 2"),
        (("towers: {steps: 6", "towers: {betas: [0.9, 1.0], steps: 6"), r"towers\.betas\.1: should be less than 1"),
        (("objects: 2", "objects: 5"), r"world\.objects: is 5, the world has 5 motions; with at most 4 objects"),
        (("preset: nano", "preset: nanoo"), r"unknown preset 'nanoo'; did you mean 'nano'"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(edited: Callable[..., Path], tmp_path: Path, exchange: tuple[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(str(edited(exchange)), tmp_path)


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (
            (
                "cross_attention_dim: 32, attention_head_dim: 8, norm_num_groups: 4",
                "cross_attention_dim: 32, attention_head_dim: 8, norm_num_groups: 5",
            ),
            r"block_out_channels: 16 is not divisible by norm_num_groups 5; 15 is",
        ),
        (
            ("attention_head_dim: 8", "attention_head_dim: 6"),
            r"block_out_channels: 16 is not divisible by attention_head_dim 6; 18 is",
        ),
        (
            ("block_out_channels: [8, 8, 8, 8]", "block_out_channels: [8, 8, 8, 10]"),
            r"vae\.block_out_channels: 10 is not divisible by norm_num_groups 4",
        ),
        (("attention_head_dim: 8", "attention_head_dim: [8, 8, 8, 8]"), r"preset: 'nano' has the U-Net of Stable Diffusion"),
        (("name: miniature", "name: random-stable-diffusion"), r"preset: 'nano' has the U-Net of Stable Diffusion"),
        (("cross_attention_dim: 32", "cross_attention_dim: 64"), r"cross_attention_dim: is 64, the text tower's hidden_size 32"),
        (
            ("text: {vocab_size: 600", "text: {max_position_embeddings: 16, vocab_size: 600"),
            r"world\.objects: is 2; a caption of so many takes up to \d+ tokens, and the text tower has 16 positions",
        ),
        (("text: {vocab_size: 600", "text: {vocab_size: 512"), r"architecture\.text\.vocab_size: vocab_size is 512; single bytes"),
        (
            (
                "{vocab_size: 600, hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_pos",
                "{vocab_size: 200, hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_pos",
            ),
            r"roberta\.vocab_size: vocab_size is 200; single bytes",
        ),
        (("vae: {block", "vae: {latent_channels: 8, block"), r"vae\.latent_channels: is 8; the U-Net reads and predicts 4"),
        (("num_heads: [1, 2, 2, 2]", "num_heads: [3, 2, 2, 2]"), r"swin\.embed_dim: 8 is not divisible by num_heads\[0\] 3"),
        (("num_heads: [1, 2, 2, 2]", "num_heads: [1, 0, 2, 2]"), r"swin\.num_heads: is \(1, 0, 2, 2\); expected at least 1"),
        (
            ("cross_attention_dim: 32, attention_head_dim: 8", "cross_attention_dim: 32, attention_head_dim: -8"),
            r"unet\.attention_head_dim: is -8",
        ),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(edited: Callable[..., Path], tmp_path: Path, exchange: tuple[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(str(edited(preset=(exchange,))), tmp_path)


def test_sentences_as_long_as_they_get_have_positions(edited: Callable[..., Path], tmp_path: Path) -> None:
    """The number that a refusal names works, and one less does not: RoBERTa counts positions from 2 on."""
    plan = read(str(edited()), tmp_path)
    architecture = plan.model.architecture
    few = replace(architecture, roberta=replace(architecture.roberta, max_position_embeddings=3))
    least = int(dict(feasible.words(plan.recipe, few))["preset.model.architecture.roberta.max_position_embeddings"].rsplit(" ", 1)[1])
    known = roberta_style(architecture.roberta.vocab_size)
    said = known(feasible.full_sentences(plan.recipe.world), padding="longest", return_tensors="pt")
    for positions, fits in ((least, True), (least - 1, False)):
        sizes = replace(architecture.roberta, max_position_embeddings=positions)
        network = RobertaForMaskedLM(roberta_config(sizes))
        with nullcontext() if fits else pytest.raises((IndexError, RuntimeError), match="out of"):
            network(input_ids=said.input_ids, attention_mask=said.attention_mask)


def test_a_world_without_room_is_refused(edited: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdit.benchmarks.world.scene.ATTEMPTS", 0)
    with pytest.raises(ValueError, match=r"nano\.yaml: world: the world has no room for 2 objects in 48x32 frames; lower world\.objects"):
        read(str(edited()), tmp_path)


@pytest.mark.parametrize("seed", range(8))
def test_things_may_hide_each_other_in_any_world_that_is_pretrained_on(edited: Callable[..., Path], tmp_path: Path, seed: int) -> None:
    """Also where the first scene that is drawn has one thing alone, which nothing can hide."""
    plan = read(str(edited(("seed: 5, frames: 3", f"seed: {seed}, occlusion: true, frames: 3"))), tmp_path)
    assert {len(drawn.things) for drawn in clips.scenes(plan.recipe, range(plan.recipe.clips))} == {1, 2}


@pytest.mark.parametrize("objects", [2, 3])
def test_captions_of_as_many_things_as_the_shipped_sizes_read_are_not_cut(objects: int, tmp_path: Path) -> None:
    plan = read("miniature", tmp_path)
    known = captioning.tokenizer(plan.model.architecture.text)
    world = replace(plan.recipe.world, objects=objects)
    drawn = clips.scenes(replace(plan.recipe, world=world), range(200))
    assert max(len(known(captions.whole(scene.things)).input_ids) for scene in drawn) <= known.model_max_length
    full = replace(plan.recipe, world=replace(world, objects=4))
    assert dict(feasible.words(full, plan.model.architecture))["world.objects"].startswith(
        "is 4; a caption of so many takes up to 25 tokens"
    )


def test_a_recipe_is_found_by_its_name_and_a_typo_names_the_nearest(tmp_path: Path) -> None:
    assert resolve("miniature").samefile(EXPERIMENTS / "pretrain/miniature.yaml")
    with pytest.raises(ValueError, match="did you mean 'miniature'"):
        resolve("minature")


@pytest.mark.parametrize("path", sorted((EXPERIMENTS / "pretrain").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_named_as_its_file_and_can_work(path: Path, tmp_path: Path) -> None:
    assert read(str(path), tmp_path).recipe.recipe == path.stem


def test_the_defaults_are_the_shipped_recipe(tmp_path: Path) -> None:
    assert Recipe(recipe="miniature", preset="miniature") == read("miniature", tmp_path).recipe
