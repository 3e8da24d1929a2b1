"""A network in a folder of diffusers or transformers: its tensors under today's names, once they are what its configuration makes it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, RobertaConfig, RobertaModel

from vdit.backbones.modelscope import read_json
from vdit.model.released import current
from vdit.weights import fit
from vdit.weights.source import DIFFUSERS, TRANSFORMERS, first_of, read

TOKENIZER = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`built` has no memory. `today` gives a tensor's name its present form; `unused` is a pattern of those that nothing reads.

    Tensors that begin with `optional` are there together or not at all.
    """

    weights: Path
    built: nn.Module
    today: Callable[[str], str] = str
    unused: str = r"(?!)"
    optional: str | None = None

    @property
    def file(self) -> str:
        """What a safetensors file of its library is called."""
        return (DIFFUSERS if self.weights.name in DIFFUSERS else TRANSFORMERS)[0]

    def tensors(self) -> tuple[dict[str, Tensor], int]:
        """Under today's names, and how many of the file nothing reads. Raises ValueError naming what does not fit."""
        given = read(self.weights).tensors
        named = {self.today(key): tensor for key, tensor in given.items()}
        if len(named) < len(given):
            raise ValueError(f"{self.weights} has a tensor under two names, an old and a new one; fetch it again")
        kept = {name: tensor for name, tensor in named.items() if not re.fullmatch(self.unused, name)}
        fit.check(self.weights, kept, self.expected(kept))
        return kept, len(given) - len(kept)

    def expected(self, kept: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        shapes = fit.shapes(self.built)
        if self.optional is None or any(name.startswith(self.optional) for name in kept):
            return shapes
        return {name: shape for name, shape in shapes.items() if not name.startswith(self.optional)}


def unet(folder: Path) -> Network:
    config = read_json(folder / "config.json")
    with torch.device("meta"):
        return Network(weights=first_of(folder, DIFFUSERS), built=UNet3DConditionModel.from_config(config))


def vae(folder: Path) -> Network:
    config = read_json(folder / "config.json")
    with torch.device("meta"):
        return Network(weights=first_of(folder, DIFFUSERS), built=AutoencoderKL.from_config(config), today=current)


def text_encoder(folder: Path) -> Network:
    """transformers below 5 saved this network inside a module `text_model`, and a buffer with it."""
    config = CLIPTextConfig.from_dict(read_json(folder / "config.json"))
    with torch.device("meta"):
        return Network(
            weights=first_of(folder, TRANSFORMERS),
            built=CLIPTextModel(config),
            today=lambda key: key.removeprefix("text_model."),
            unused=r"(.+\.)?position_ids",
        )


def roberta(folder: Path) -> Network:
    """Without the head of its pre-training; with its pooler, which SgMg reads, where the file has one."""
    config = RobertaConfig.from_dict(read_json(folder / "config.json"))
    with torch.device("meta"):
        return Network(
            weights=first_of(folder, TRANSFORMERS),
            built=RobertaModel(config),
            today=lambda key: key.removeprefix("roberta."),
            unused=r"(.+\.)?position_ids|lm_head\..+",
            optional="pooler.",
        )
