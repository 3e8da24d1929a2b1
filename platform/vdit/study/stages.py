"""Which frozen computations the trials of a study could share, and the proof: frozen is not the same as shareable.

A stage is shareable if nothing trainable, unpinned or random is upstream of it. The stages and what flows into them are those of Figure 2.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from vdit.config.canonical import Memo, canonical
from vdit.config.model import Backbone, Noise, NoiseKind, Prompt, PromptKind
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


class Parts(NamedTuple):
    """The parts of a model that decide which stages it has and what is upstream of them. Many arms have the same ones."""

    backbone: Backbone
    prompt: Prompt
    noise: Noise


Verdict: TypeAlias = tuple[Node, tuple[str, ...]]  # a stage and its obstacles


@dataclass(slots=True)
class _Group:
    """Arms of one verdict. `copies` are the distinct inputs of what is shareable, with an arm of each: so many outputs there would be."""

    arms: list[str]
    copies: dict[tuple[object, ...], Trial]
    size: int


def stages(arms: Sequence[Trial], memo: Memo, sharing: Sharing | None = None) -> tuple[Stage, ...]:
    """One entry a stage and verdict, over one trial of every arm. `memo` as for `canonical`; no `sharing`: nothing is said of a store."""
    groups: dict[Verdict, _Group] = {}
    known: dict[Parts, tuple[Verdict, ...]] = {}
    for trial in arms:
        parts = Parts(trial.model.backbone, trial.model.prompt, trial.model.noise)
        if parts not in known:
            known[parts] = verdicts(parts)
        clip = _of_clips(trial, memo)
        for verdict in known[parts]:
            group = groups.get(verdict) or groups.setdefault(verdict, _Group([], {}, size(verdict[0], trial)))
            group.arms.append(trial.arm)
            if not verdict[1]:
                inputs = (*clip, *_of_features(trial, memo)) if verdict[0] == "U-Net features" else clip
                group.copies.setdefault(inputs, trial)
    order = sorted(groups, key=lambda verdict: (STAGES.index(verdict[0]), len(verdict[1])))
    return tuple(_stage(verdict, groups[verdict], sharing) for verdict in order)


def verdicts(parts: Parts) -> tuple[Verdict, ...]:
    """Of each stage that a model of these parts has."""
    return tuple((stage, obstacles(stage, parts)) for stage in used(parts))


def seconds_a_clip(results: Sequence[Path]) -> dict[Stored, float]:
    """Mean seconds that trials with a store took to compute a stage of a clip, by their result.json."""
    reports = [json.loads(path.read_bytes()).get("store", {}) for path in results]
    kept: tuple[Stored, ...] = ("VAE latents", "image tokens")
    found = {stage: [report[stage] for report in reports if stage in report] for stage in kept}
    encoded = {stage: sum(count["encoded"] for count in counts) for stage, counts in found.items()}
    return {stage: sum(count["seconds"] for count in found[stage]) / number for stage, number in encoded.items() if number}


def upstream(node: Node, parts: Parts) -> tuple[Node, ...]:
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
        "prompt": tokens[parts.prompt.kind],
        "noise": ("VAE latents",) if parts.noise.kind in TRAINED_NOISE else (),
        "U-Net features": ("VAE latents", "noise", "prompt"),
    }
    return edges[node]


def obstacle(node: Node, parts: Parts) -> str:
    """Why the node itself changes from step to step or from trial to trial; "" where it does not.

    Augmentation, gaussian noise and posterior samples are pinned: drawn from (data.seed, epoch, index) alone, the same in every trial.
    """
    if node == "prompt" and parts.prompt.kind != "text":
        return "the projection of the prompt is trained"
    if node == "noise" and parts.noise.kind in TRAINED_NOISE:
        return "the noise predictor is trained"
    if node == "U-Net features" and parts.backbone.mode == "released":
        return "the U-Net's dropout is drawn from the trial's seed"
    return ""


def obstacles(node: Node, parts: Parts) -> tuple[str, ...]:
    """All obstacles at the node and upstream of it: the proof, empty where the node is shareable."""
    found = dict.fromkeys(reason for before in upstream(node, parts) for reason in obstacles(before, parts))
    own = obstacle(node, parts)
    return (*found, own) if own else tuple(found)


def used(parts: Parts) -> tuple[Node, ...]:
    """The stages that a trial has: none where the backbone is trained itself, else those that its prompt needs."""
    if parts.backbone.is_swin:
        return ()
    return tuple(stage for stage in STAGES if stage in ("VAE latents", "4x map", "U-Net features", *upstream("prompt", parts)))


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


def _of_clips(trial: Trial, memo: Memo) -> tuple[object, ...]:
    """All that the stages before the U-Net depend on, beside the data and weights that a study's trials have in common.

    Parts are there as their texts, because a text remembers its hash.
    """
    model, backbone = trial.model, trial.model.backbone
    parts = canonical(trial.data, memo), canonical(model.architecture, memo), canonical(model.encode, memo)
    return (backbone.name, backbone.seed, *parts)


def _of_features(trial: Trial, memo: Memo) -> tuple[object, ...]:
    """All that the U-Net's features depend on beside that."""
    model = trial.model
    parts = (model.diffusion, model.pyramid, model.prompt, model.noise)
    return (model.backbone.mode, *[canonical(part, memo) for part in parts])


def _stage(verdict: Verdict, group: _Group, sharing: Sharing | None) -> Stage:
    stage, reasons = verdict
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
