"""A miniature of the text-to-video backbone: the parts, layout and loader of `modelscope` at any size, for machines without a GPU.

Until a trained one is given as the checkpoint folder, random weights of `model.backbone.seed` are written to that folder on first use, with
tokenizers trained on the miniature world's words; any text tokenises (byte by byte where need be). Every output of random weights says so.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import nn
from transformers import CLIPTokenizer, RobertaTokenizer

from vdit.appearing import discard, draft_of
from vdit.backbones import modelscope
from vdit.config.architecture import Architecture
from vdit.config.model import Model
from vdit.model import tensors
from vdit.model.frozen import FrozenDiffusion
from vdit.model.networks import Networks, clip_config, forward_process, seeded
from vdit.model.tokenizers import clip_style, roberta_style


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """As `modelscope.load`; a `folder` that is not there is built first. Refuses random weights of another seed with ValueError."""
    provide(config, folder, build)
    return modelscope.load(config, folder, device)


def provide(config: Model, folder: Path, builder: Callable[[Path, Architecture, int], None]) -> None:
    """Has `builder` write a `folder` that is not there. Refuses random weights of another seed with ValueError."""
    if not folder.exists():
        builder(folder, config.architecture, config.backbone.seed)
    seed = modelscope.drawn_from(folder)
    if seed is not None and seed != config.backbone.seed:
        raise ValueError(
            f"{folder} has random weights of seed {seed}, model.backbone.seed is {config.backbone.seed}; remove it or set the seed"
        )


def build(folder: Path, architecture: Architecture, seed: int, own: str = "", single_frames: bool = False) -> None:
    """Writes a checkpoint of random weights. It appears whole or not at all; where another process was first, its (equal) one stays.

    `own` is the subfolder for the parts of the diffusion model, `single_frames` the kind of its U-Net.
    """
    unfinished = draft_of(folder)
    discard(unfinished)
    unfinished.mkdir(parents=True)
    try:
        write(unfinished, unfinished / own, architecture, seeded(architecture, seed, single_frames))
        save_json(unfinished / modelscope.CARD, {"trained": False, "seed": seed, "architecture": asdict(architecture)})
        try:
            unfinished.rename(folder)
        except OSError:
            # Renaming onto a folder with content fails: somebody else has finished the same one.
            if not (folder / modelscope.CARD).exists():
                raise
    finally:
        discard(unfinished)


def write(folder: Path, own: Path, architecture: Architecture, networks: Networks, prediction: str = "epsilon") -> None:
    """The files of `modelscope`'s layout, as diffusers, transformers and open_clip name and read them.

    `prediction` is what the U-Net says, in the words of diffusers.
    """
    for name in ("unet", "vae"):
        network = getattr(networks, name)
        network.save_config(own / name)
        save(network, own / name / "diffusion_pytorch_model.safetensors")
    text = architecture.text
    tokenizer = clip_style(text.vocab_size, text.max_position_embeddings, text.pad_token)
    networks.text_encoder.config.bos_token_id = tokenizer.bos_token_id
    networks.text_encoder.config.eos_token_id = tokenizer.eos_token_id
    for network, place in ((networks.text_encoder, own / "text_encoder"), (networks.roberta, folder / "roberta")):
        network.config.save_pretrained(place)
        save(network, place / "model.safetensors")
    save_tokenizer(tokenizer, own / "tokenizer")
    save_tokenizer(roberta_style(architecture.roberta.vocab_size), folder / "roberta")
    forward_process(prediction).save_pretrained(own / "scheduler")
    (folder / "image_tower").mkdir()
    save(networks.image, folder / "image_tower/open_clip_model.safetensors")
    preprocessing = {"mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD}
    save_json(folder / "image_tower/open_clip_config.json", {"model_cfg": clip_config(architecture.image), "preprocess_cfg": preprocessing})


def save(network: nn.Module, path: Path) -> None:
    # transformers refuses a file that does not say which framework wrote it.
    tensors.save({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path, {"format": "pt"})


def save_tokenizer(tokenizer: CLIPTokenizer | RobertaTokenizer, folder: Path) -> None:
    """As the published checkpoints have them: vocab.json and merges.txt beside the settings."""
    tokenizer.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(str(folder))


def save_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
