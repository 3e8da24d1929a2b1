"""The stages of a pretraining: what each reads, which need which, and the identity of each.

A stage's key is over what decides its weights and nothing else, so that recipes share the stages in which they agree: another attempt at
the denoiser costs a denoiser.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vdit.config.architecture import Architecture
from vdit.config.canonical import digest
from vdit.config.code import code_digest
from vdit.config.recipe import Recipe

Stage: TypeAlias = Literal["clips", "words", "autoencoder", "towers", "swin", "denoiser"]
Keys: TypeAlias = Mapping[Stage, str]


@dataclass(frozen=True, slots=True)
class Part:
    """What a stage needs finished, and the fields of model.architecture that it is sized by."""

    needs: tuple[Stage, ...]
    networks: tuple[str, ...]


# In the order in which they run where there is one core: what the longest stage waits for comes first.
GRAPH: Mapping[Stage, Part] = {
    "clips": Part((), ()),
    "words": Part((), ("roberta",)),
    "autoencoder": Part(("clips",), ("vae",)),
    "towers": Part(("clips",), ("text", "image")),
    "denoiser": Part(("clips", "autoencoder", "towers"), ("unet", "vae", "text")),
    "swin": Part(("clips",), ("swin",)),
}
# What every stage computes with, beside its own file; a test holds it to what is imported.
CODE = (
    "appearing.py",
    "benchmarks/world",
    "config/architecture.py",
    "config/data.py",
    "config/recipe.py",
    "model/autoencoder.py",
    "model/collate.py",
    "model/diffusion.py",
    "model/networks.py",
    "model/portions.py",
    "model/swin.py",
    "model/tokenizers.py",
    "model/tokens.py",
    "pretrain/captioning.py",
    "pretrain/clips.py",
    "pretrain/given.py",
    "pretrain/latents.py",
    "pretrain/noising.py",
    "pretrain/training.py",
    "train/seeds.py",
)

# Of the world: how many clips the benchmark has of its own streams, from which no stage draws.
NOT_READ = ("train_videos", "valid_videos", "hard_videos")


def keys(recipe: Recipe, architecture: Architecture, manifests: Path | None) -> Keys:
    """64 hex digits for each stage; the names of recipe and preset do not enter."""
    found: dict[Stage, str] = {}
    world = {name: value for name, value in asdict(recipe.world).items() if name not in NOT_READ}
    common = {"seed": recipe.seed, "world": world, "clips": recipe.clips, "held_out": recipe.held_out}
    for stage, part in GRAPH.items():
        # Clips are drawn by the world's own seed; which of them are held out is the business of those who read them.
        read = {"world": world, "clips": recipe.clips} if stage == "clips" else {**common, "training": getattr(recipe, stage)}
        networks = {name: getattr(architecture, name) for name in part.networks}
        needs = [found[need] for need in part.needs]
        code = code_digest((*CODE, f"pretrain/stages/{stage}.py"), manifests)
        found[stage] = digest({"stage": stage, "recipe": read, "architecture": networks, "needs": needs, "code": code})
    return found


def recipe_key(known: Keys) -> str:
    """The identity of all weights together."""
    return digest(dict(known))
