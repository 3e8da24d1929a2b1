"""The shipped miniature, and checkpoints under the released names: one made of it, one recorded (oracle/README.md)."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vdit.backbones import modelscope, video_swin
from vdit.config.model import Model
from vdit.model.frozen import SwinStart
from vdit.model.released import FROZEN, PREFIX
from vdit.model.vdit import VDIT
from vdit.weights import sgmg, vd_it


@pytest.fixture(scope="session")
def trained(model: Model) -> VDIT:
    """VD-IT of the miniature's sizes; of the frozen networks it asks only where they are."""
    return VDIT(model, SimpleNamespace(device=torch.device("cpu")), seed=3)


@pytest.fixture(scope="session")
def made(model: Model, trained: VDIT) -> dict[str, Tensor]:
    """What the released code would have saved of `trained`: aliases, a counter, and of the frozen networks what shows their sizes."""
    state = {vd_it.key(f"parameter/{name}"): parameter.detach() for name, parameter in trained.trainable().items()}
    for key in [key for key in state if key.startswith("bbox_embed.")]:
        state[f"transformer.decoder.{key}"] = state[key]
    for key in [key for key in state if key.startswith(f"{PREFIX}act_")]:
        number, rest = key.removeprefix(f"{PREFIX}act_").split("_postprocess.")
        state[f"{PREFIX}act_postprocess.{int(number) - 1}.{rest}"] = state[key]
    sizes = model.architecture
    frozen = {
        "unet": {"conv_in.weight": (sizes.unet.block_out_channels[0], sizes.vae.latent_channels, 3, 3)},
        "vae": {},
        "text_encoder": {
            "text_model.embeddings.token_embedding.weight": (9, sizes.text.hidden_size),
            "text_model.embeddings.position_ids": (1, 77),
        },
        "image_tower": {"vision_model.embeddings.class_embedding": (sizes.image.width,)},
        "roberta": {"embeddings.word_embeddings.weight": (9, sizes.roberta.hidden_size)},
    }
    for part, blocks, inside in (("unet", sizes.unet.block_out_channels, ""), ("vae", sizes.vae.block_out_channels, "encoder.")):
        frozen[part] |= {f"{inside}down_blocks.{i}.resnets.0.conv1.weight": (blocks[i], 2, 3, 3) for i in range(4)}
    state |= {FROZEN[part] + key: torch.zeros(shape) for part, tensors in frozen.items() for key, shape in tensors.items()}
    return {**state, "sentence_proj.fc.weight": torch.zeros(2, 2), "controller.layers.0.total_ops": torch.zeros(1)}


@pytest.fixture(scope="session")
def baseline(model: Model, folder: Path) -> VDIT:
    """SgMg of the miniature's sizes."""
    frozen = modelscope.load(model, folder, torch.device("cpu"))
    swin = video_swin.draw(model.architecture.swin, 0, torch.device("cpu"))
    start = SwinStart(swin=swin, roberta=frozen.roberta, roberta_tokenizer=frozen.roberta_tokenizer)
    return VDIT(replace(model, head=replace(model.head, kind="sgmg")), start, seed=4)


@pytest.fixture(scope="session")
def made_sgmg(baseline: VDIT) -> dict[str, Tensor]:
    """What the released code would have saved of `baseline`: aliases, buffers, a counter, and RoBERTa with the pooler that was drawn."""
    parameters = {f"parameter/{name}": parameter.detach() for name, parameter in baseline.trainable().items()}
    kept = {f"kept/{name}": tensor for name, tensor in baseline.kept().items()}
    state = {sgmg.key(name): tensor for name, tensor in {**parameters, **kept}.items()}
    for key in [key for key in state if key.startswith("bbox_embed.")]:
        state[f"transformer.decoder.{key}"] = state[key]
    for key in [key for key in state if key.endswith(".relative_position_bias_table")]:
        state[key.replace("bias_table", "index")] = torch.zeros(2, 2, dtype=torch.long)
    state |= {FROZEN["roberta"] + name: tensor for name, tensor in baseline.frozen.roberta.state_dict().items()}
    return {**state, "controller.layers.0.total_ops": torch.zeros(1)}


@pytest.fixture(scope="session")
def recorded(shared: Path) -> dict[str, Tensor]:
    """The state dict of the released VD-IT at a tiny configuration."""
    return load_file(shared / "oracle" / "weights.safetensors")


@pytest.fixture(scope="session")
def recorded_sgmg(shared: Path) -> dict[str, Tensor]:
    """The same of the released SgMg."""
    return load_file(shared / "oracle" / "sgmg" / "sgmg_weights.safetensors")
