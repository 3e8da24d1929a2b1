"""A Hugging Face folder of text-to-video-ms-1.7b, a CLIP image tower and a RoBERTa as the checkpoint folder of a text-to-video backbone.

What comes out is what `vdit.backbones.modelscope` reads: its layout, today's names, float32, and no tensor that nothing reads.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from vdit.backbones import modelscope
from vdit.config.architecture import VAE, Architecture, Roberta, TextTower, UNet
from vdit.weights import fit, image_tower, network
from vdit.weights.network import TOKENIZER, Network
from vdit.weights.output import Draft, whole

Config = TypeVar("Config", UNet, VAE, TextTower, Roberta)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the parts are."""

    video: Path
    image_tower: Path
    roberta: Path


def convert(folders: Folders, target: Path, say: Callable[[str], None]) -> None:
    """Writes the checkpoint folder; `say` gets a line for each thing done. Settings are checked first, weights one file at a time.

    Raises ValueError naming the file, and the tensors, that are missing, unknown, or of another shape or precision.
    """
    networks, tower = located(folders), image_tower.locate(folders.image_tower)
    architecture = sizes(networks, tower)
    check_settings(folders, architecture)
    with whole(target) as draft:
        unused = sum(write(draft, name, found, say) for name, found in networks.items()) + write_tower(draft, tower, say)
        copy_settings(draft, folders)
        draft.finish({"kind": "text-to-video", "dropped": {"unused": unused}, "sizes": flattened(architecture)})
    say(fit.differences(flattened(architecture), flattened(Architecture())))


def located(folders: Folders) -> dict[str, Network]:
    """The networks by name of their folder in a checkpoint folder."""
    video = folders.video
    return {
        "unet": network.unet(video / "unet"),
        "vae": network.vae(video / "vae"),
        "text_encoder": network.text_encoder(video / "text_encoder"),
        "roberta": network.roberta(folders.roberta),
    }


def sizes(networks: Mapping[str, Network], tower: image_tower.Source) -> Architecture:
    """What the configurations say, with the libraries' defaults for what they leave out."""
    configs: dict[str, Any] = {name: found.built.config for name, found in networks.items()}
    return Architecture(
        unet=chosen(UNet, configs["unet"]),
        vae=chosen(VAE, configs["vae"]),
        text=chosen(TextTower, configs["text_encoder"].to_dict()),
        image=tower.sizes(),
        roberta=chosen(Roberta, configs["roberta"].to_dict()),
    )


def chosen(kind: type[Config], content: Mapping[str, Any]) -> Config:
    """The fields of one of our configurations, out of a library's many."""
    values: dict[str, Any] = {known.name: content[known.name] for known in fields(kind) if known.name in content}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return kind(**values)


def check_settings(folders: Folders, architecture: Architecture) -> None:
    """Tokenizers and forward process are read as a trial will read them, so that what they lack is said of the folder it is missing in."""
    modelscope.clip_tokenizer(folders.video / "tokenizer", architecture.text)
    modelscope.roberta_tokenizer(folders.roberta, architecture.roberta.vocab_size)
    modelscope.alphas_cumprod(folders.video / "scheduler/scheduler_config.json")


def write(draft: Draft, name: str, found: Network, say: Callable[[str], None]) -> int:
    """The network's weights under today's names; returns how many tensors of its file nothing reads."""
    tensors, unused = found.tensors()
    draft.source(f"{name}/{found.weights.name}", found.weights)
    say(draft.write(f"{name}/{found.file}", tensors, {}))
    return unused


def write_tower(draft: Draft, tower: image_tower.Source, say: Callable[[str], None]) -> int:
    tensors, unused = image_tower.state(tower)
    draft.source(f"image_tower/{tower.weights.name}", tower.weights)
    say(draft.write(f"image_tower/{image_tower.OPEN_CLIP[0]}", tensors, {}))
    draft.add("image_tower/open_clip_config.json", f"{json.dumps(tower.config, indent=2)}\n".encode())
    return unused


def copy_settings(draft: Draft, folders: Folders) -> None:
    """Configurations and vocabularies as they are; the card too, where a folder says of itself that its weights are random."""
    video = folders.video
    for part in ("unet", "vae", "text_encoder"):
        draft.copy(part, video / part, ("config.json",))
    draft.copy("tokenizer", video / "tokenizer", TOKENIZER)
    draft.copy("scheduler", video / "scheduler", ("scheduler_config.json",))
    draft.copy("roberta", folders.roberta, ("config.json", *TOKENIZER))
    draft.copy(".", video, (modelscope.CARD,))


def flattened(architecture: Architecture) -> dict[str, Any]:
    """Sizes of this folder's networks under the names of a study's configuration."""
    parts = {part: asdict(getattr(architecture, part)) for part in ("unet", "vae", "text", "image", "roberta")}
    return {f"architecture.{part}.{name}": value for part, sizes in parts.items() for name, value in sizes.items()}
