"""A recipe so small that all its stages take seconds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from vdit.pretrain.recipe import Pretraining, read

PRESET = """
model:
  backbone: {name: miniature}
  architecture:
    unet: {block_out_channels: [16, 16, 16, 16], layers_per_block: 1, cross_attention_dim: 32, attention_head_dim: 8, norm_num_groups: 4}
    vae: {block_out_channels: [8, 8, 8, 8], layers_per_block: 1, norm_num_groups: 4, sample_size: 32}
    text: {vocab_size: 600, hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2}
    image: {image_size: 32, patch_size: 16, width: 32, layers: 1, head_width: 16, mlp_ratio: 1.0, embed_dim: 16}
    roberta:
      {vocab_size: 600, hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 130}
    swin: {embed_dim: 8, depths: [1, 1, 1, 1], num_heads: [1, 2, 2, 2]}
estimate: {seconds_per_trial: 1, bytes_per_trial: 1, source: a test}
"""
RECIPE = """
recipe: nano
preset: nano
seed: 3
world: {seed: 5, frames: 3, height: 32, width: 48, objects: 2}
clips: 16
held_out: 4
autoencoder: {steps: 6, batch: 4}
towers: {steps: 6, batch: 4}
words: {steps: 6, batch: 4}
denoiser: {steps: 6, batch: 4}
swin: {steps: 6, batch: 4}
"""


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrain")
    (folder / "presets").mkdir()
    (folder / "presets/nano.yaml").write_text(PRESET)
    (folder / "nano.yaml").write_text(RECIPE)
    return folder / "nano.yaml"


@pytest.fixture
def edited(recipe_file: Path) -> Callable[..., Path]:
    """The recipe's file with pieces of its text, or of its preset's, exchanged."""

    def write(*exchanges: tuple[str, str], preset: tuple[tuple[str, str], ...] = ()) -> Path:
        texts = {"nano.yaml": RECIPE, "presets/nano.yaml": PRESET}
        for name, pairs in (("nano.yaml", exchanges), ("presets/nano.yaml", preset)):
            for old, new in pairs:
                assert old in texts[name]
                texts[name] = texts[name].replace(old, new)
        folder = recipe_file.parent / f"edited{len(list(recipe_file.parent.glob('edited*')))}"
        (folder / "presets").mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
        return folder / "nano.yaml"

    return write


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the command trains: on more threads sums differ in their last bits, and what is compared with it would too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def finished(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Pretraining:
    """All stages of the recipe, trained in this process; read only."""
    from rich.console import Console

    from vdit.schedule import pretraining
    from vdit.track.memory import Memory

    plan = read(str(recipe_file), tmp_path_factory.mktemp("runs"))
    plan.folder.mkdir(parents=True)
    threads = torch.get_num_threads()
    pretraining.in_order(plan, pretraining.todo(plan, None), Memory(), Console(quiet=True))
    torch.set_num_threads(threads)
    return plan
