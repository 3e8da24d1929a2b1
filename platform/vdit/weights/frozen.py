"""Copies of frozen networks in a released checkpoint: are they what they are taken for, before they are left out (spec section 10)?

No configuration of theirs is in the checkpoint. At the published sizes every name and shape is known; at others, where layers are counted
differently, the names but for their numbers, and how many dimensions a tensor has.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection, RobertaModel

from vdit.config.architecture import Architecture, Swin
from vdit.config.model import Head
from vdit.model.networks import roberta_config, text_config, vae_config, video_unet
from vdit.model.released import FROZEN, current
from vdit.weights import fit
from vdit.weights.source import listed

_TEXT = FROZEN["text_encoder"]
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def check(path: Path, tensors: Mapping[str, Tensor], sizes: Architecture) -> None:
    """Raises ValueError naming the frozen tensors that belong to no such network, have another shape than there, or hold integers."""
    # `position_ids`: a buffer that some versions of transformers save.
    given = {key: tensor for key, tensor in tensors.items() if not key.endswith("position_ids")}
    exact = replace(sizes, swin=Swin()) == Architecture()
    problems = [problem for key, tensor in given.items() if (problem := exactly(key, tensor) if exact else roughly(key, tensor))]
    problems += [f"{key} is {tensor.dtype}, expected floating point" for key, tensor in given.items() if not tensor.is_floating_point()]
    if problems:
        raise ValueError(f"{path} does not fit: {listed(problems)}; fetch the published file again")


def exactly(key: str, tensor: Tensor) -> str | None:
    expected = published().get(today(key))
    if expected is None:
        return f"{key} is unknown"
    return None if tensor.shape == expected else f"{key} is {tuple(tensor.shape)}, expected {expected}"


def roughly(key: str, tensor: Tensor) -> str | None:
    expected = dimensions().get(_NUMBER.sub("#", today(key)))
    if expected is None:
        return f"{key} is unknown"
    return None if tensor.ndim in expected else f"{key} is {tuple(tensor.shape)}, expected {' or '.join(map(str, expected))} dimensions"


def today(key: str) -> str:
    """A frozen tensor's key as the present libraries would spell it."""
    return current(key) if key.startswith(FROZEN["vae"]) else key.replace(f"{_TEXT}text_model.", _TEXT)


@cache
def published() -> dict[str, tuple[int, ...]]:
    """Shapes at the published sizes, by key, from the networks themselves, built without memory."""
    sizes, words, width = Architecture(), Architecture().roberta.hidden_size, Head().width
    image = sizes.image
    vision = CLIPVisionConfig(
        hidden_size=image.width,
        intermediate_size=int(image.width * image.mlp_ratio),
        projection_dim=image.embed_dim,
        num_hidden_layers=image.layers,
        num_attention_heads=image.width // image.head_width,
        image_size=image.image_size,
        patch_size=image.patch_size,
    )
    with torch.device("meta"):
        networks = {
            "unet": video_unet(sizes.unet),
            "vae": AutoencoderKL(**vae_config(sizes.vae)),
            "text_encoder": CLIPTextModel(text_config(sizes.text)),
            "image_tower": CLIPVisionModelWithProjection(vision),
            "roberta": RobertaModel(roberta_config(sizes.roberta)),
        }
    inside = {f"{FROZEN[part]}{name}": shape for part, network in networks.items() for name, shape in fit.shapes(network).items()}
    projection = {"fc.weight": (width, words), "fc.bias": (width,), "layer_norm.weight": (width,), "layer_norm.bias": (width,)}
    return {today(key): shape for key, shape in inside.items()} | {f"sentence_proj.{name}": shape for name, shape in projection.items()}


@cache
def dimensions() -> dict[str, list[int]]:
    """How many dimensions tensors have, by key with its numbers as #; several where parts of different kinds are in one sequence."""
    found: dict[str, set[int]] = {}
    for key, shape in published().items():
        found.setdefault(_NUMBER.sub("#", key), set()).add(len(shape))
    return {key: sorted(counts) for key, counts in found.items()}
