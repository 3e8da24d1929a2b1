"""Oracle: the miniature's networks as diffusers and transformers saved them, and as older versions did."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vdit.weights import network
from vdit.weights.network import Network

Copied = Callable[[], Path]
PARTS: dict[str, tuple[Callable[[Path], Network], str]] = {
    "unet": (network.unet, "diffusion_pytorch_model.safetensors"),
    "vae": (network.vae, "diffusion_pytorch_model.safetensors"),
    "text_encoder": (network.text_encoder, "model.safetensors"),
    "roberta": (network.roberta, "model.safetensors"),
}
OLDER_ATTENTION = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def older(part: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of the published files, and what is in them beside."""
    if part == "vae":
        for now, before in OLDER_ATTENTION.items():
            state = {key.replace(now, before) if "mid_block.attentions.0" in key else key: tensor for key, tensor in state.items()}
    if part == "text_encoder":
        state = {f"text_model.{key}": tensor for key, tensor in state.items()}
        state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    if part == "roberta":
        words = state["embeddings.word_embeddings.weight"]
        state = {f"roberta.{key}": tensor for key, tensor in state.items()}
        state |= {"roberta.embeddings.position_ids": torch.arange(130)[None], "lm_head.bias": words[:, 0], "lm_head.decoder.weight": words}
    return state


@pytest.mark.parametrize("archive", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("part", PARTS)
def test_older_files_give_the_tensors_of_todays(copied: Copied, part: str, archive: bool) -> None:
    locate, name = PARTS[part]
    folder = copied() / part
    state = load_file(folder / name)
    (folder / name).unlink()
    before = older(part, state)
    assert (set(before) != set(state)) == (part != "unet")
    bin_name = "diffusion_pytorch_model.bin" if name.startswith("diffusion") else "pytorch_model.bin"
    torch.save(before, folder / bin_name, _use_new_zipfile_serialization=archive)
    found = locate(folder)
    tensors, unused = found.tensors()
    assert found.weights.name == bin_name and found.file == name
    assert tensors.keys() == state.keys() and all(torch.equal(tensors[key], tensor) for key, tensor in state.items())
    assert unused == len(before) - len(state)


def test_a_pooler_stays_where_there_is_one(copied: Copied) -> None:
    path = copied() / "roberta/model.safetensors"
    pooler = {"pooler.dense.weight": torch.eye(64), "pooler.dense.bias": torch.ones(64)}
    save_file({**load_file(path), **pooler}, path)
    tensors, unused = network.roberta(path.parent).tensors()
    assert torch.equal(tensors["pooler.dense.weight"], torch.eye(64)) and unused == 0
    save_file({**load_file(path), "pooler.dense.bias": torch.ones(3)}, path)
    with pytest.raises(ValueError, match=r"pooler\.dense\.bias is \(3,\), expected \(64,\)"):
        network.roberta(path.parent).tensors()
    half = {name: tensor for name, tensor in load_file(path).items() if name != "pooler.dense.bias"}
    save_file(half, path)
    with pytest.raises(ValueError, match=r"pooler\.dense\.bias is missing"):
        network.roberta(path.parent).tensors()


@pytest.mark.parametrize("how", ["missing", "unknown", "of another shape", "in half precision"])
@pytest.mark.parametrize("part", PARTS)
def test_one_tensor_that_does_not_fit_is_named(copied: Copied, part: str, how: str) -> None:
    locate, name = PARTS[part]
    path = copied() / part / name
    state = load_file(path)
    key = sorted(state)[3]
    if how == "missing":
        del state[key]
    elif how == "unknown":
        key = "extra.weight"
        state[key] = torch.zeros(1)
    elif how == "of another shape":
        state[key] = torch.cat([state[key], state[key]])
    else:
        state[key] = state[key].half()
    save_file(state, path)
    with pytest.raises(ValueError) as refused:
        locate(path.parent).tensors()
    assert key in str(refused.value) and f"{part}/{name}" in str(refused.value)


def test_a_tensor_under_an_old_and_a_new_name_is_refused(copied: Copied) -> None:
    path = copied() / "text_encoder/model.safetensors"
    state = load_file(path)
    save_file({**state, "text_model.final_layer_norm.bias": state["final_layer_norm.bias"] + 1}, path)
    with pytest.raises(ValueError, match="under two names"):
        network.text_encoder(path.parent).tensors()


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_configuration_is_named(copied: Copied, part: str) -> None:
    folder = copied() / part
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=f"{part}/config.json is missing"):
        PARTS[part][0](folder)
