"""Which frozen computations the trials of a study could share, and the proof: frozen is not the same as shareable.

A stage is shareable if nothing trainable, unpinned or random is upstream of it. The stages and what flows into them are those of Figure 2.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vdit.config.canonical import Memo, canonical
from vdit.config.model import Model, NoiseKind, PromptKind
from vdit.config.stage import Stored
from vdit.config.trial import Trial

Node = Literal["frames", "captions", "VAE latents", "4x map", "image tokens", "text embeddings", "prompt", "noise", "U-Net features"]
TRAINED_NOISE: tuple[NoiseKind, ...] = ("predicted", "predicted-eq2")
STAGES: tuple[Node, ...] = ("VAE latents", "4x map", "image tokens", "text embeddings", "U-Net features")
# What the store keeps, and under which stage: latents and 4x map are of one pass of the autoencoder.
KEPT: Mapping[Node, Stored] = {"VAE latents": "VAE latents", "4x map": "VAE latents", "image tokens": "image tokens"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Verdict on a stage for the arms it holds for. `bytes` is what one copy of it takes per clip (text: per expression), in float32.

    Where `stored`, it is what `launch.store` keeps, in the folders `groups` of the store. `disk_bytes` is that of all training clips, at
    most; None where their number is not known before the data are read. `saves_seconds` is of training, by what finished trials with a
    store have measured; None where there are none.
    """

    stage: Node
    arms: tuple[str, ...]
    shareable: bool
    why: str
    bytes: int
    stored: bool = False
    groups: tuple[str, ...] = ()
    disk_bytes: int | None = None
    saves_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a plan knows of its stages beside their configurations: folders in the store, replicates, measured seconds a clip."""

    group: Callable[[Stored, Trial], str]
    seeds: int
    seconds: Mapping[Stored, float]


@dataclass(slots=True)
class _Group:
    """Arms of one verdict. `copies` are the distinct inputs, with an arm of each: so many sets of the stage's output there would be."""

    arms: list[str]
    copies: dict[tuple[str, ...], Trial]
    size: int


def stages(arms: Sequence[Trial], memo: Memo, sharing: Sharing | None = None) -> tuple[Stage, ...]:
    """One entry a stage and verdict, over one trial of every arm. `memo` as for `canonical`; no `sharing`: nothing is said of a store."""
    groups: dict[tuple[Node, tuple[str, ...]], _Group] = {}
    for trial in arms:
        for stage in used(trial.model):
            key = stage, obstacles(stage, trial.model)
            if key not in groups:
                groups[key] = _Group([], {}, size(stage, trial))
            groups[key].arms.append(trial.arm)
            groups[key].copies.setdefault(_inputs(stage, trial, memo), trial)
    order = sorted(groups, key=lambda key: (STAGES.index(key[0]), len(key[1])))
    return tuple(_stage(key, groups[key], sharing) for key in order)


def seconds_a_clip(results: Sequence[Path]) -> dict[Stored, float]:
    """Mean seconds that trials with a store took to compute a stage of a clip, by their result.json."""
    reports = [json.loads(path.read_bytes()).get("store", {}) for path in results]
    kept: tuple[Stored, ...] = ("VAE latents", "image tokens")
    found = {stage: [report[stage] for report in reports if stage in report] for stage in kept}
    encoded = {stage: sum(count["encoded"] for count in counts) for stage, counts in found.items()}
    return {stage: sum(count["seconds"] for count in found[stage]) / number for stage, number in encoded.items() if number}


def upstream(node: Node, model: Model) -> tuple[Node, ...]:
    """What a node is computed from."""
    tokens: dict[PromptKind, tuple[Node, ...]] = {
        "image": ("image tokens",),
        "text": ("text embeddings",),
        "image+text": ("image tokens", "text embeddings"),
    }
    edges: dict[Node, tuple[Node, ...]] = {
        "frames": (),
        "captions": ("frames",),  # a flipped clip exchanges left and right in its caption
        "VAE latents": ("frames",),
        "4x map": ("frames",),
        "image tokens": ("frames",),
        "text embeddings": ("captions",),
        "prompt": tokens[model.prompt.kind],
        "noise": ("VAE latents",) if model.noise.kind in TRAINED_NOISE else (),
        "U-Net features": ("VAE latents", "noise", "prompt"),
    }
    return edges[node]


def obstacle(node: Node, model: Model) -> str:
    """Why the node itself changes from step to step or from trial to trial; "" where it does not.

    Augmentation, gaussian noise and posterior samples are pinned: drawn from (data.seed, epoch, index) alone, the same in every trial.
    """
    if node == "prompt" and model.prompt.kind != "text":
        return "the projection of the prompt is trained"
    if node == "noise" and model.noise.kind in TRAINED_NOISE:
        return "the noise predictor is trained"
    if node == "U-Net features" and model.backbone.mode == "released":
        return "the U-Net's dropout is drawn from the trial's seed"
    return ""


def obstacles(node: Node, model: Model) -> tuple[str, ...]:
    """All obstacles at the node and upstream of it: the proof, empty where the node is shareable."""
    found = dict.fromkeys(reason for before in upstream(node, model) for reason in obstacles(before, model))
    own = obstacle(node, model)
    return (*found, own) if own else tuple(found)


def used(model: Model) -> tuple[Node, ...]:
    """The stages that a trial has: none where the backbone is trained itself, else those that its prompt needs."""
    if model.backbone.is_swin:
        return ()
    return tuple(stage for stage in STAGES if stage in ("VAE latents", "4x map", "U-Net features", *upstream("prompt", model)))


def size(stage: Node, trial: Trial) -> int:
    """Bytes in float32 of one clip, of the largest size that the configuration names; of one expression for text."""
    networks, frames = trial.model.architecture, trial.data.frames
    height, width = _largest_frame(trial)
    cells = (height // 8) * (width // 8)
    patches = (networks.image.image_size // networks.image.patch_size) ** 2 + 1
    widths = networks.unet.block_out_channels
    values = {
        "VAE latents": frames * networks.vae.latent_channels * cells,
        "4x map": frames * networks.vae.block_out_channels[2] * (height // 4) * (width // 4),
        "image tokens": frames * patches * networks.image.width,
        "text embeddings": networks.text.max_position_embeddings * networks.text.hidden_size,
        # Of the released taps: in and up2 at stride 8, down0 and up1 at 16, down1 and up0 at 32.
        "U-Net features": frames
        * (cells * (widths[0] + widths[1]) + cells // 4 * (widths[0] + widths[2]) + cells // 16 * (widths[1] + widths[3])),
    }
    return 4 * values[stage]


def _largest_frame(trial: Trial) -> tuple[int, int]:
    augment, world = trial.data.augment, trial.data.world
    if augment.scales:
        return min(max(augment.scales), augment.max_side), augment.max_side
    return world.height, world.width


def _inputs(stage: Node, trial: Trial, memo: Memo) -> tuple[str, ...]:
    """Everything that the stage's output depends on, beside the data and weights that a study's trials have in common."""
    model = trial.model
    parts: tuple[object, ...] = (trial.data, model.backbone.name, model.backbone.seed, model.architecture, model.encode)
    if stage == "U-Net features":
        parts = (*parts, model.backbone.mode, model.diffusion, model.pyramid, model.prompt, model.noise)
    return tuple([canonical(part, memo) for part in parts])


def _stage(key: tuple[Node, tuple[str, ...]], group: _Group, sharing: Sharing | None) -> Stage:
    stage, reasons = key
    kept = KEPT.get(stage)
    copies = "one copy" if len(group.copies) == 1 else f"{len(group.copies)} copies"
    why = "; ".join(reasons) or f"frozen, drawn from data.seed alone; {copies}"
    if sharing is None or kept is None or reasons:
        return Stage(stage, tuple(group.arms), not reasons, why, group.size)
    examples = tuple(group.copies.values())
    train = examples[0].train
    clips = train.max_steps * train.batch or None
    each = sharing.seconds.get(kept) if stage == kept else None
    return Stage(
        stage,
        tuple(group.arms),
        True,
        why,
        group.size,
        stored=True,
        groups=tuple(dict.fromkeys(sharing.group(kept, trial) for trial in examples)),
        disk_bytes=None if clips is None else clips * len(examples) * group.size,
        saves_seconds=None if clips is None or each is None else each * clips * (len(group.arms) * sharing.seeds - len(examples)),
    )
