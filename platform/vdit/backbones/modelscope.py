"""ModelScope text-to-video 1.7B as the backbone (Section 5.1, implementation details).

Source: the Hugging Face layout of `text-to-video-ms-1.7b` (unet/ vae/ text_encoder/ tokenizer/ scheduler/), with CLIP ViT-H/14 of
LAION-2B as image_tower/ (open_clip's files) and `roberta-base` as roberta/. Parameters: U-Net 1411 M, autoencoder 84 M, text tower
340 M, image tower 632 M, RoBERTa 125 M. Licence of the U-Net's weights: CC-BY-NC 4.0. Any checkpoint of this layout loads, at the
sizes of `model.architecture`.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet3DConditionModel
from open_clip.transformer import VisionTransformer
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, RobertaConfig, RobertaModel, RobertaTokenizer

from vdit.config.architecture import TextTower
from vdit.config.model import Model
from vdit.model.autoencoder import OLDER_NAMES
from vdit.model.frozen import FrozenDiffusion

if TYPE_CHECKING:
    from vdit.model.diffusion import UNet

CARD = "vdit.json"


def load(config: Model, folder: Path, device: torch.device) -> FrozenDiffusion:
    """Reads a checkpoint folder into memory once, as float32 on `device`; on a CPU the files are mapped, not copied.

    Raises ValueError naming the file where one is missing, damaged, or of other sizes than `model.architecture`.
    """
    return around(unet(folder, config, device), config, folder, folder)


def around(network: "UNet", config: Model, own: Path, folder: Path) -> FrozenDiffusion:
    """A U-Net with all it needs, on its device: the rest of its diffusion model from `own`, what every backbone needs from `folder`."""
    sizes, device = config.architecture, torch.device(network.device)
    mean, std = image_preprocessing(folder / "image_tower/open_clip_config.json")
    return FrozenDiffusion(
        unet=network,
        vae=autoencoder(own, config, device),
        text_encoder=text_encoder(own, config, device),
        tokenizer=clip_tokenizer(own / "tokenizer", sizes.text),
        image_tower=image_tower(folder, config, device),
        roberta=roberta(folder, config, device),
        roberta_tokenizer=roberta_tokenizer(folder / "roberta", sizes.roberta.vocab_size),
        alphas_cumprod=alphas_cumprod(own / "scheduler/scheduler_config.json"),
        image_mean=mean,
        image_std=std,
        image_size=sizes.image.image_size,
    )


def drawn_from(folder: Path) -> int | None:
    """The seed of a folder's random weights, None where they are trained; vdit.json says which, published checkpoints have none."""
    path = folder / CARD
    if not path.exists() or field(path, "trained"):
        return None
    return int(field(path, "seed"))


def field(path: Path, *names: str) -> Any:
    """One field of a JSON object, by the names of those that it is in and its own; raises ValueError naming file and field."""
    content: Any = read_json(path)
    for depth, name in enumerate(names, start=1):
        if not isinstance(content, dict) or name not in content:
            raise ValueError(f"{path} has no field {'.'.join(names[:depth])!r}; fetch this file of the checkpoint again")
        content = content[name]
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file; raises ValueError naming it."""
    try:
        content = json.loads(present(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON ({error}); fetch this file of the checkpoint again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, a configuration is an object; fetch this file of the checkpoint again")
    return content


def present(path: Path) -> Path:
    if not path.exists():
        raise ValueError(
            f"{path} is missing; a checkpoint folder has unet/ vae/ text_encoder/ tokenizer/ scheduler/ image_tower/ roberta/, "
            "its weights as .safetensors (the first five are in stable_diffusion/ for that backbone)"
        )
    return path


def of_class(path: Path, network: type) -> dict[str, Any]:
    """The configuration at `path`, which has to be that of a `network`."""
    content = read_json(path)
    given = content.get("_class_name", network.__name__)
    if given != network.__name__:
        raise ValueError(
            f"{path}: the checkpoint has a {given}, this backbone is a {network.__name__}; give the folder of such a checkpoint, "
            "or choose another model.backbone.name"
        )
    return content


def agreed(path: Path, expected: dict[str, Any], part: str) -> dict[str, Any]:
    """The configuration at `path`, once its sizes are those of `model.architecture.<part>`; fields it leaves out are taken as equal."""
    content = read_json(path)
    check(path, content, expected, part)
    return content


def check(path: Path, content: dict[str, Any], expected: dict[str, Any], part: str) -> None:
    for name, wanted in expected.items():
        given = content.get(name, wanted)
        # Published networks that are equal differ in this one, on which no tensor depends.
        if name != "sample_size" and (tuple(given) if isinstance(given, list) else given) != wanted:
            raise ValueError(
                f"{path}: the checkpoint has {name} {given}, model.architecture.{part}.{name} is {wanted}; "
                "give the folder of a checkpoint of these sizes, or set them to its"
            )


def unet(folder: Path, config: Model, device: torch.device) -> UNet3DConditionModel:
    path = folder / "unet/config.json"
    content = of_class(path, UNet3DConditionModel)
    check(path, content, asdict(config.architecture.unet), "unet")
    build = partial(UNet3DConditionModel.from_config, content)
    return filled(build, folder / "unet/diffusion_pytorch_model.safetensors", device, lambda name: (name,))


def autoencoder(folder: Path, config: Model, device: torch.device) -> AutoencoderKL:
    content = agreed(folder / "vae/config.json", asdict(config.architecture.vae), "vae")
    build = partial(AutoencoderKL.from_config, content)
    network = filled(build, folder / "vae/diffusion_pytorch_model.safetensors", device, lambda name: (name, older(name)))
    # Only the encoder runs: keeping the decoder would keep its memory.
    network.decoder = network.post_quant_conv = None
    return network


def text_encoder(folder: Path, config: Model, device: torch.device) -> CLIPTextModel:
    content = agreed(folder / "text_encoder/config.json", asdict(config.architecture.text), "text")
    build = partial(CLIPTextModel, CLIPTextConfig.from_dict(content))
    # transformers below 5 saved this network inside a module `text_model`.
    return filled(build, folder / "text_encoder/model.safetensors", device, lambda name: (name, f"text_model.{name}"))


def roberta(folder: Path, config: Model, device: torch.device) -> RobertaModel:
    """With its pooler, which SgMg's head reads, where the file has one; current files of RoBERTa have not (spec 9.1)."""
    content = agreed(folder / "roberta/config.json", asdict(config.architecture.roberta), "roberta")
    path = folder / "roberta/model.safetensors"
    pooler = "pooler.dense.weight"
    pooled = bool(tensors(path, device, {pooler: (pooler, f"roberta.{pooler}")}))
    build = partial(RobertaModel, RobertaConfig.from_dict(content), add_pooling_layer=pooled)
    return filled(build, path, device, lambda name: (name, f"roberta.{name}"))


def image_tower(folder: Path, config: Model, device: torch.device) -> VisionTransformer:
    """The visual half of an open_clip checkpoint; its text half is not read."""
    path, image = folder / "image_tower/open_clip_config.json", asdict(config.architecture.image)
    if field(path, "model_cfg").get("quick_gelu"):
        raise ValueError(
            f"{path}: quick_gelu is set; the image tower of VD-IT has the exact GELU, give a checkpoint of ViT-H/14 (LAION-2B)"
        )
    check(path, {**field(path, "model_cfg", "vision_cfg"), "embed_dim": field(path, "model_cfg", "embed_dim")}, image, "image")
    image["heads"], image["output_dim"] = image["width"] // image.pop("head_width"), image.pop("embed_dim")
    build = partial(VisionTransformer, **image)
    return filled(build, folder / "image_tower/open_clip_model.safetensors", device, lambda name: (f"visual.{name}",))


def image_preprocessing(path: Path) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and spread of the image tower's input."""
    (r, g, b), (sr, sg, sb) = (field(path, "preprocess_cfg", name) for name in ("mean", "std"))
    return (r, g, b), (sr, sg, sb)


def older(name: str) -> str:
    """What a tensor of the autoencoder was called when it was published."""
    for now, before in OLDER_NAMES.items():
        name = name.replace(f".attentions.0.{now}", f".attentions.0.{before}")
    return name


def filled(build: Callable[[], Any], path: Path, device: torch.device, spellings: Callable[[str], tuple[str, ...]]) -> Any:
    """A network whose parameters are the float32 tensors of `path`: built without memory, then given them.

    `spellings` are the names a tensor may have in the file. What belongs to parts not built (a pooler, CLIP's other half) stays unread.
    """
    with torch.device("meta"):
        network: nn.Module = build()
    expected = network.state_dict()
    state = tensors(path, device, {name: spellings(name) for name in expected})
    for name, tensor in expected.items():
        given = tuple(state[name].shape) if name in state else "missing"
        if given != tuple(tensor.shape):
            raise ValueError(
                f"{path}: {spellings(name)[0]} is {given}, its configuration and model.architecture make it {tuple(tensor.shape)}; "
                "fetch the checkpoint again"
            )
    network.load_state_dict(state, assign=True)
    number_positions(network, device)
    return network


def tensors(path: Path, device: torch.device, spellings: dict[str, tuple[str, ...]]) -> dict[str, Tensor]:
    """The tensors the file has under one of their `spellings`, as float32; on a CPU, those that are so already stay in the mapped file."""
    try:
        with safe_open(str(present(path)), framework="pt", device=str(device)) as file:
            known = set(file.keys())
            found = {name: next((key for key in keys if key in known), None) for name, keys in spellings.items()}
            return {name: file.get_tensor(key).float() for name, key in found.items() if key is not None}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); fetch it again") from error


def number_positions(network: nn.Module, device: torch.device) -> None:
    """Gives a text network the two constant buffers that no checkpoint holds."""
    for name, buffer in list(network.named_buffers()):
        owner, _, field = name.rpartition(".")
        values = {
            "position_ids": torch.arange(buffer.shape[-1], device=device)[None],
            "token_type_ids": torch.zeros(buffer.shape, dtype=torch.long, device=device),
        }
        setattr(network.get_submodule(owner), field, values[field])


def clip_tokenizer(folder: Path, text: TextTower) -> CLIPTokenizer:
    vocabulary_files(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    # The two files disagree on the padding in the published checkpoint, and which one wins has changed between versions of transformers.
    override = folder / "special_tokens_map.json"
    if override.exists():
        tokenizer.pad_token = text_of(read_json(override).get("pad_token", tokenizer.pad_token))
    if tokenizer.pad_token != text.pad_token:
        raise ValueError(
            f"{folder}: texts would be padded with {tokenizer.pad_token!r}, model.architecture.text.pad_token is {text.pad_token!r}; "
            f"set pad_token in {override} to what the text tower was trained with, or the configuration to it"
        )
    return fitting(tokenizer, folder, text.vocab_size, "text")


def roberta_tokenizer(folder: Path, vocabulary: int) -> RobertaTokenizer:
    vocabulary_files(folder)
    return fitting(RobertaTokenizer.from_pretrained(folder, local_files_only=True), folder, vocabulary, "roberta")


def vocabulary_files(folder: Path) -> None:
    """transformers would go on with an empty vocabulary."""
    if not (folder / "tokenizer.json").exists():
        present(folder / "vocab.json")
        present(folder / "merges.txt")


def text_of(token: str | dict[str, Any]) -> str:
    """A special token is written as a word, or as an object that holds it."""
    return token if isinstance(token, str) else str(token["content"])


def fitting(tokenizer: Any, folder: Path, vocabulary: int, part: str) -> Any:
    if len(tokenizer) > vocabulary:
        raise ValueError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, model.architecture.{part}.vocab_size is {vocabulary}")
    return tokenizer


def alphas_cumprod(path: Path) -> Tensor:
    """[steps] float64, of the forward process the U-Net was trained on."""
    scheduler = DDPMScheduler.from_config(read_json(path))
    return torch.as_tensor(scheduler.alphas_cumprod).double()
