"""CLIP's image tower in open_clip's two files, from open_clip's own or from Hugging Face's (interface.md, checkpoint folder)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from open_clip import CLIP
from open_clip.transformer import VisionTransformer
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from vdit.backbones.modelscope import field, read_json
from vdit.config.architecture import ImageTower
from vdit.model.released import open_clip_state
from vdit.weights import fit
from vdit.weights.source import TRANSFORMERS, first_of, read

OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_VISION = tuple(known.name for known in fields(ImageTower) if known.name != "embed_dim")
# What a Hugging Face file has beside the image half.
_TEXT = ("text_model.", "text_projection.", "logit_scale")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the weights are, and the content of open_clip_config.json for them."""

    weights: Path
    config: dict[str, Any]

    @property
    def native(self) -> bool:
        return self.weights.name in OPEN_CLIP

    def sizes(self) -> ImageTower:
        model = self.config["model_cfg"]
        return ImageTower(**model["vision_cfg"], embed_dim=model["embed_dim"])


def locate(folder: Path) -> Source:
    """Of a folder that has both, open_clip's files. Raises ValueError naming a file that is missing or another architecture."""
    weights = first_of(folder, (*OPEN_CLIP, *TRANSFORMERS))
    source = Source(weights, {})
    return Source(weights, _native(folder / "open_clip_config.json") if source.native else _translated(folder))


def _native(path: Path) -> dict[str, Any]:
    model, preprocessing = field(path, "model_cfg"), field(path, "preprocess_cfg")
    vision = model["vision_cfg"]
    other = [name for name, value in model.items() if value and name not in ("embed_dim", "vision_cfg", "text_cfg")]
    other += [name for name in vision if name not in _VISION]
    if other:
        raise ValueError(f"{path}: model_cfg has {', '.join(other)}; the image tower of VD-IT is the plain one of ViT-H/14 (LAION-2B)")
    return {"model_cfg": model, "preprocess_cfg": {name: preprocessing[name] for name in ("mean", "std")}}


def _translated(folder: Path) -> dict[str, Any]:
    """Hugging Face's two configurations as open_clip's one."""
    content = read_json(folder / "config.json")
    vision = _vision(content)
    if vision.hidden_act != "gelu":
        raise ValueError(
            f"{folder / 'config.json'}: hidden_act is {vision.hidden_act}, the image tower of VD-IT has 'gelu'; "
            "give a checkpoint of ViT-H/14 (LAION-2B)"
        )
    sizes = {
        "image_size": vision.image_size,
        "patch_size": vision.patch_size,
        "width": vision.hidden_size,
        "layers": vision.num_hidden_layers,
        "head_width": vision.hidden_size // vision.num_attention_heads,
        "mlp_ratio": vision.intermediate_size / vision.hidden_size,
    }
    path = folder / "preprocessor_config.json"
    preprocessing = {"mean": field(path, "image_mean"), "std": field(path, "image_std")}
    return {"model_cfg": {"embed_dim": vision.projection_dim, "vision_cfg": sizes}, "preprocess_cfg": preprocessing}


def _vision(content: Mapping[str, Any]) -> CLIPVisionConfig:
    """Of a whole CLIP, or of its image half alone; the joint space belongs to the whole."""
    if "vision_config" not in content:
        return CLIPVisionConfig.from_dict(content)
    return CLIPVisionConfig.from_dict({**content["vision_config"], "projection_dim": content["projection_dim"]})


def state(source: Source) -> tuple[dict[str, Tensor], int]:
    """The tensors under open_clip's names, and how many of the file nothing reads.

    Of a Hugging Face file the image half: nothing reads the other. Raises ValueError naming what is missing, unknown or of another shape.
    """
    tensors = dict(read(source.weights).tensors)
    if source.native:
        fit.check(source.weights, tensors, expected(source))
        return tensors, 0
    kept = {key: tensor for key, tensor in tensors.items() if not key.startswith(_TEXT) and not key.endswith(".position_ids")}
    with torch.device("meta"):
        half = CLIPVisionModelWithProjection(_vision(read_json(source.weights.with_name("config.json"))))
    fit.check(source.weights, kept, fit.shapes(half))
    return {f"visual.{name}": tensor for name, tensor in open_clip_state(kept).items()}, len(tensors) - len(kept)


def expected(source: Source) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a file of open_clip's: both halves, or the image half where the configuration has no other."""
    with torch.device("meta"):
        if "text_cfg" in source.config["model_cfg"]:
            return fit.shapes(CLIP(**source.config["model_cfg"]))
        image = asdict(source.sizes())
        image["heads"], image["output_dim"] = image["width"] // image.pop("head_width"), image.pop("embed_dim")
        return {f"visual.{name}": shape for name, shape in fit.shapes(VisionTransformer(**image)).items()}
