"""The checkpoint folder of a pretraining: what vdit/backbones/miniature.py and video_swin.py load, in half precision (interface.md)."""

import shutil
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path

import torch
from torch import Tensor, nn

from vdit.appearing import appearing
from vdit.backbones import miniature, modelscope, video_swin
from vdit.config.canonical import digest
from vdit.config.code import code_digest
from vdit.config.identity import GATE
from vdit.config.recipe import Prediction
from vdit.model import tensors
from vdit.model.networks import Networks, seeded
from vdit.pretrain.graph import CODE
from vdit.pretrain.recipe import Pretraining
from vdit.pretrain.training import weights

FOLDER = "checkpoint"
RECIPE = "recipe.yaml"
# What is in a checkpoint's folder, with its gate's table: another folder than that is somebody's.
PARTS = frozenset(("unet", "vae", "text_encoder", "tokenizer", "scheduler", "image_tower", "roberta", "video_swin"))
FILES = frozenset((RECIPE, modelscope.CARD, *GATE))
IN_DIFFUSERS: dict[Prediction, str] = {"v": "v_prediction", "epsilon": "epsilon"}


def export(plan: Pretraining) -> Path:
    """Writes the folder of a pretraining whose stages are done, whole or not at all; the same weights give the same bytes.

    The gate's table that lies in an earlier one of the same weights stays.
    """
    recipe, architecture, place = plan.recipe, plan.model.architecture, plan.folder / FOLDER
    with appearing(place) as draft:
        draft.mkdir()
        prediction = IN_DIFFUSERS[recipe.denoiser.prediction]
        miniature.write(draft, draft, architecture, networks(plan), prediction)
        (draft / video_swin.FILE).parent.mkdir()
        swin = {name: halved(tensor, "swin") for name, tensor in weights(plan.place("swin").folder).items()}
        tensors.save(swin, draft / video_swin.FILE, {"format": "pt"})
        (draft / RECIPE).write_text(plan.text, encoding="utf-8")
        card = {
            "trained": True,
            "recipe": recipe.recipe,
            "seed": recipe.seed,
            "key": plan.key,
            "weights": weights_digest(draft),
            "code": code_digest((*CODE, "pretrain/stages")),
            "architecture": asdict(architecture),
        }
        miniature.save_json(draft / modelscope.CARD, card)
        if place.is_dir() and weights_digest(place) == card["weights"]:
            for name in GATE:
                if (place / name).is_file():
                    shutil.copy2(place / name, draft)
    return place


def networks(plan: Pretraining) -> Networks:
    """As trained, in half precision. The rest of open_clip's file, a text tower that nobody reads, is drawn from the recipe's seed."""
    built = seeded(plan.model.architecture, plan.recipe.seed)
    denoiser, towers = weights(plan.place("denoiser").folder), weights(plan.place("towers").folder)
    fill(built.unet, part(denoiser, "unet."), "denoiser")
    fill(built.text_encoder, part(denoiser, "text."), "denoiser")
    fill(built.image.visual, part(towers, "visual."), "towers")
    fill(built.vae, weights(plan.place("autoencoder").folder), "autoencoder")
    fill(built.roberta, weights(plan.place("words").folder), "words")
    built.image.half()
    return built


def part(stage: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in stage.items() if name.startswith(prefix)}


def fill(network: nn.Module, state: dict[str, Tensor], stage: str) -> None:
    network.half().load_state_dict({name: halved(tensor, stage) for name, tensor in state.items()})


def halved(tensor: Tensor, stage: str) -> Tensor:
    half = tensor.half()
    if not bool(torch.isfinite(half).all()):
        raise ValueError(
            f"{stage} has weights beyond what half precision holds ({torch.finfo(torch.half).max:.0f}); lower {stage}.learning_rate"
        )
    return half


def weights_digest(folder: Path) -> str:
    """SHA-256 over names and contents of the folder's tensors."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = file_digest(file, "sha256").hexdigest()
    return digest(found)


def replaceable(to: Path) -> None:
    """Raises ValueError where `to` is there and not an empty folder or an earlier checkpoint, of which nothing is lost but the weights."""
    if to.exists() and not to.is_dir():
        raise ValueError(f"--to {to} is a file; name a new folder")
    held = {path.name for path in to.iterdir()} if to.exists() else set()
    strange = sorted(held - PARTS - FILES)
    if strange or (held and modelscope.CARD not in held):
        found = strange[0] if strange else sorted(held)[0]
        raise ValueError(
            f"--to {to} holds something else than a pretrained checkpoint ({found}), which would be removed; name a new folder"
        )


def copy(checkpoint: Path, to: Path) -> None:
    """To a folder that is new, empty, or an earlier checkpoint, which is replaced whole. Raises ValueError for any other."""
    replaceable(to)
    to = to.resolve()
    if to == checkpoint.resolve():
        return
    with appearing(to) as draft:
        shutil.copytree(checkpoint, draft)


def size(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
