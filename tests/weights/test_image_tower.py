"""Oracle: the same pixels through transformers' network and, converted, through open_clip's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from open_clip.transformer import VisionTransformer
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from vdit.config.architecture import ImageTower
from vdit.model import tokens
from vdit.weights.image_tower import locate, state

SIZES = {"hidden_size": 48, "intermediate_size": 120, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 28, "patch_size": 14}
OURS = ImageTower(image_size=28, patch_size=14, width=48, layers=2, head_width=16, mlp_ratio=2.5, embed_dim=40)
PREPROCESSING = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "size": 28}


def saved(folder: Path, network: CLIPModel | CLIPVisionModelWithProjection, binary: bool) -> Path:
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    if binary:
        tensors = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        torch.save({**tensors, "vision_model.embeddings.position_ids": torch.arange(5)[None]}, folder / "pytorch_model.bin")
    return folder


def half(act: str = "gelu") -> CLIPVisionModelWithProjection:
    torch.manual_seed(0)
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES, projection_dim=40, hidden_act=act)).eval()


def both() -> CLIPModel:
    torch.manual_seed(0)
    text = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
    return CLIPModel(CLIPConfig(vision_config={**SIZES, "hidden_act": "gelu"}, text_config=text, projection_dim=40)).eval()


@pytest.mark.parametrize("binary", [False, True], ids=["safetensors", "bin"])
@pytest.mark.parametrize("make", [half, both], ids=["image half", "whole CLIP"])
def test_hugging_face_weights_give_the_same_tokens(
    tmp_path: Path, make: Callable[[], CLIPModel | CLIPVisionModelWithProjection], binary: bool
) -> None:
    stock = make()
    source = locate(saved(tmp_path, stock, binary))
    tensors, unused = state(source)
    assert source.sizes() == OURS
    assert source.config["preprocess_cfg"] == {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    assert unused == binary + (sum(key.startswith(("text_", "logit_scale")) for key in stock.state_dict()))
    tower = VisionTransformer(28, 14, 48, 2, 3, 2.5, output_dim=40).eval()
    tower.load_state_dict({key.removeprefix("visual."): tensor for key, tensor in tensors.items()})
    pixels = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = stock.vision_model(pixels)
        torch.testing.assert_close(tokens.tokens(tower, pixels), theirs.last_hidden_state, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(tower(pixels), stock.visual_projection(theirs.pooler_output), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("binary", [False, True], ids=["safetensors", "bin"])
def test_open_clips_own_files_are_taken_whole(folder: Path, copied: Callable[[], Path], binary: bool) -> None:
    place = copied() / "image_tower"
    expected = load_file(place / "open_clip_model.safetensors")
    if binary:
        (place / "open_clip_model.safetensors").rename(place / "model.safetensors")
        torch.save(expected, place / "open_clip_pytorch_model.bin")
    tensors, unused = state(locate(place))
    assert unused == 0 and tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[key], tensor) for key, tensor in expected.items())


def test_an_image_half_in_open_clips_form_is_read_again(copied: Callable[[], Path]) -> None:
    place = copied() / "image_tower"
    visual = {key: tensor for key, tensor in load_file(place / "open_clip_model.safetensors").items() if key.startswith("visual.")}
    save_file(visual, place / "open_clip_model.safetensors")
    with pytest.raises(ValueError, match="text_projection is missing"):
        state(locate(place))
    config = json.loads((place / "open_clip_config.json").read_text())
    del config["model_cfg"]["text_cfg"]
    (place / "open_clip_config.json").write_text(json.dumps(config))
    assert state(locate(place))[0].keys() == visual.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quick_gelu": True}, "model_cfg has quick_gelu"),
        ({"custom_text": True}, "model_cfg has custom_text"),
        ({"vision_cfg": {"timm_model_name": "vit"}}, "model_cfg has timm_model_name"),
    ],
)
def test_another_architecture_of_open_clip_is_refused(copied: Callable[[], Path], change: dict[str, object], said: str) -> None:
    path = copied() / "image_tower/open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"] |= change
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=said):
        locate(path.parent)


def test_the_quick_gelu_of_transformers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.json: hidden_act is quick_gelu"):
        locate(saved(tmp_path, half("quick_gelu"), binary=False))


@pytest.mark.parametrize(
    "key", ["vision_model.encoder.layers.1.self_attn.k_proj.bias", "visual_projection.weight", "vision_model.post_layernorm.bias"]
)
def test_a_missing_tensor_of_a_hugging_face_file_is_named(tmp_path: Path, key: str) -> None:
    path = saved(tmp_path, half(), binary=False) / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if name != key}, path)
    with pytest.raises(ValueError, match=f"{key} is missing"):
        state(locate(tmp_path))


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (saved(tmp_path, half(), binary=False) / name).unlink()
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        locate(tmp_path)
