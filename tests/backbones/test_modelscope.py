"""Oracles: the libraries' own loaders on the same folder, and folders spoilt one file at a time."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, RobertaModel

from vdit.backbones import modelscope
from vdit.config.model import Model
from vdit.model.frozen import FrozenDiffusion

CPU = torch.device("cpu")
Copied = Callable[[], Path]
WEIGHTS = [
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
    "image_tower/open_clip_model.safetensors",
    "roberta/model.safetensors",
]


@pytest.fixture(scope="module")
def frozen(model: Model, folder: Path) -> FrozenDiffusion:
    return modelscope.load(model, folder, CPU)


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_loads_what_the_libraries_themselves_load(frozen: FrozenDiffusion, folder: Path) -> None:
    stock = {
        "unet": UNet3DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False),
        "vae": AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False),
        "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
        "image_tower": open_clip.create_model(f"local-dir:{folder / 'image_tower'}").visual,
        "roberta": RobertaModel.from_pretrained(folder / "roberta", add_pooling_layer=False),
    }
    for name, network in frozen.networks().items():
        theirs = stock[name].state_dict()
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, theirs[key]), (name, key)


def test_text_networks_run_as_the_libraries_load_them(frozen: FrozenDiffusion, folder: Path) -> None:
    ids = torch.tensor([[0, 5, 9, 2]])
    stock_text, stock_words = CLIPTextModel.from_pretrained(folder / "text_encoder"), RobertaModel.from_pretrained(folder / "roberta")
    with torch.no_grad():
        torch.testing.assert_close(frozen.text_encoder(ids).last_hidden_state, stock_text.eval()(ids).last_hidden_state)
        torch.testing.assert_close(frozen.roberta(ids).last_hidden_state, stock_words.eval()(ids).last_hidden_state)


def test_nothing_is_left_without_memory_and_everything_is_frozen(frozen: FrozenDiffusion) -> None:
    for network in frozen.networks().values():
        tensors = [*network.parameters(), *network.buffers()]
        assert tensors and all(tensor.device == CPU for tensor in tensors)
        assert not any(tensor.requires_grad for tensor in tensors)
        assert not any(module.training for module in network.modules())


def test_forward_process_is_the_schedulers(frozen: FrozenDiffusion) -> None:
    assert frozen.alphas_cumprod.shape == (1000,)
    assert frozen.alphas_cumprod[0].item() == pytest.approx(1 - 0.00085, abs=1e-7)


def test_half_precision_files_become_single_precision(model: Model, copied: Copied) -> None:
    path = copied() / WEIGHTS[0]
    state = load_file(path)
    save_file({name: tensor.half() for name, tensor in state.items()}, path)
    loaded = modelscope.load(model, path.parents[1], CPU).unet.state_dict()
    assert all(loaded[name].dtype == torch.float32 and torch.equal(loaded[name], tensor.half().float()) for name, tensor in state.items())


def test_names_from_before_transformers_5_are_read(model: Model, copied: Copied, frozen: FrozenDiffusion) -> None:
    spoilt = copied()
    for part, prefix in (("text_encoder", "text_model."), ("roberta", "roberta.")):
        path = spoilt / part / "model.safetensors"
        state = {prefix + name: tensor for name, tensor in load_file(path).items()}
        save_file({**state, prefix + "embeddings.position_ids": torch.arange(77), "lm_head.bias": torch.zeros(3)}, path)
    loaded = modelscope.load(model, spoilt, CPU)
    assert torch.equal(loaded.text_encoder.final_layer_norm.weight, frozen.text_encoder.final_layer_norm.weight)
    assert torch.equal(loaded.roberta.embeddings.word_embeddings.weight, frozen.roberta.embeddings.word_embeddings.weight)


def test_older_attention_names_are_read(model: Model, copied: Copied, frozen: FrozenDiffusion) -> None:
    path = copied() / WEIGHTS[1]
    renamed = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = load_file(path)
    for now, before in renamed.items():
        state = {name.replace(f"attentions.0.{now}.", f"attentions.0.{before}."): tensor for name, tensor in state.items()}
    assert "encoder.mid_block.attentions.0.query.weight" in state
    save_file(state, path)
    loaded = modelscope.load(model, path.parents[1], CPU).vae.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in frozen.vae.state_dict().items())


@pytest.mark.parametrize("name", [*WEIGHTS, "unet/config.json", "scheduler/scheduler_config.json", "image_tower/open_clip_config.json"])
def test_a_missing_file_is_named(model: Model, copied: Copied, name: str) -> None:
    spoilt = copied()
    (spoilt / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        modelscope.load(model, spoilt, CPU)


@pytest.mark.parametrize("field", ["model_cfg.vision_cfg", "model_cfg.embed_dim", "preprocess_cfg.mean"])
def test_a_missing_field_of_the_image_tower_is_named(model: Model, copied: Copied, field: str) -> None:
    path, (outer, inner) = copied() / "image_tower/open_clip_config.json", field.split(".")
    content = json.loads(path.read_text())
    del content[outer][inner]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"open_clip_config\.json has no field '{field}'; fetch this file"):
        modelscope.load(model, path.parents[1], CPU)


def test_a_missing_vocabulary_is_named(model: Model, copied: Copied) -> None:
    spoilt = copied()
    for name in ("tokenizer.json", "merges.txt"):
        (spoilt / "tokenizer" / name).unlink()
    with pytest.raises(ValueError, match=r"tokenizer/merges\.txt is missing"):
        modelscope.load(model, spoilt, CPU)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_truncated_file_is_named(model: Model, copied: Copied, name: str) -> None:
    path = copied() / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=name):
        modelscope.load(model, path.parents[1], CPU)


def test_a_missing_tensor_is_named(model: Model, copied: Copied) -> None:
    path = copied() / WEIGHTS[0]
    state = load_file(path)
    del state["conv_in.bias"]
    save_file(state, path)
    with pytest.raises(ValueError, match=r"unet/.*conv_in\.bias is missing"):
        modelscope.load(model, path.parents[1], CPU)


@pytest.mark.parametrize(
    ("part", "file", "change"),
    [
        ("unet", "unet/config.json", {"cross_attention_dim": 1024}),
        ("vae", "vae/config.json", {"block_out_channels": (128, 256, 512, 512)}),
        ("text", "text_encoder/config.json", {"num_hidden_layers": 23}),
        ("image", "image_tower/open_clip_config.json", {"patch_size": 14}),
        ("roberta", "roberta/config.json", {"hidden_size": 768}),
    ],
)
def test_another_architecture_is_refused_with_both_sizes(
    model: Model, folder: Path, part: str, file: str, change: dict[str, object]
) -> None:
    sizes = replace(model.architecture, **{part: replace(getattr(model.architecture, part), **change)})
    name, expected = next(iter(change.items()))
    with pytest.raises(ValueError) as refused:
        modelscope.load(replace(model, architecture=sizes), folder, CPU)
    for word in (file, f"model.architecture.{part}.{name}", str(expected)):
        assert word in str(refused.value)


def test_padding_follows_the_special_tokens_map(model: Model, copied: Copied) -> None:
    spoilt = copied()
    edit(spoilt / "tokenizer/tokenizer_config.json", pad_token="<|endoftext|>")
    with pytest.raises(ValueError, match="pad_token"):
        modelscope.load(model, spoilt, CPU)
    (spoilt / "tokenizer/special_tokens_map.json").write_text('{"pad_token": {"content": "!", "lstrip": false}}')
    assert modelscope.load(model, spoilt, CPU).tokenizer(["a"], padding="max_length", max_length=9).input_ids[0][-1] == 0


def test_vocabulary_files_alone_give_the_same_tokens(model: Model, copied: Copied, frozen: FrozenDiffusion) -> None:
    bare, text = copied(), "A red circle moving left, unlike 3 giraffes"
    for part in ("tokenizer", "roberta"):
        (bare / part / "tokenizer.json").unlink()
    loaded = modelscope.load(model, bare, CPU)
    assert loaded.tokenizer([text]).input_ids == frozen.tokenizer([text]).input_ids
    assert loaded.roberta_tokenizer([text]).input_ids == frozen.roberta_tokenizer([text]).input_ids


def test_what_a_folder_says_of_its_weights(folder: Path, copied: Copied) -> None:
    assert modelscope.drawn_from(folder) == 0
    published = copied()
    edit(published / "vdit.json", trained=True)
    assert modelscope.drawn_from(published) is None
    (published / "vdit.json").unlink()
    assert modelscope.drawn_from(published) is None


def test_the_side_a_pipeline_draws_at_is_no_size(model: Model, copied: Copied) -> None:
    given = copied()
    edit(given / "unet/config.json", sample_size=96)
    edit(given / "vae/config.json", sample_size=768)
    modelscope.load(model, given, CPU)


def test_a_unet_of_another_kind_is_refused(model: Model, copied: Copied) -> None:
    given = copied()
    edit(given / "unet/config.json", _class_name="UNet2DConditionModel")
    with pytest.raises(ValueError, match=r"unet/config\.json: the checkpoint has a UNet2DConditionModel"):
        modelscope.load(model, given, CPU)
