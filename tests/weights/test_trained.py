"""Oracles: the recorded checkpoint of the released model through a file and back, and one made here spoilt one key at a time."""

import argparse
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vdit.model.head import SegmentationHead
from vdit.model.released import features_state
from vdit.model.released_head import head_state
from vdit.model.released_sgmg import sgmg_state, swin_state
from vdit.model.swin import VideoSwinFeatures
from vdit.model.vdit import VDIT
from vdit.train.checkpoint import fits, parameters, put_back
from vdit.weights import sgmg, vd_it
from vdit.weights.trained import convert

Save = Callable[[dict[str, Tensor]], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def saved(state: dict[str, Tensor]) -> Path:
        """As the released training script saves."""
        whole = {"model": state, "optimizer": {}, "lr_scheduler": {}, "epoch": 8, "args": argparse.Namespace(lr=5e-5), "grad_scaler": {}}
        torch.save(whole, tmp_path / "checkpoint.pth")
        return tmp_path / "checkpoint.pth"

    return saved


def converted(path: Path, kind: str = "vd-it") -> dict[str, Tensor]:
    """What is written of it."""
    convert(path, path.with_name("out"), None, lambda _: None)
    with safe_open(path.with_name("out") / "trained.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "step": "0", "model": kind}
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def shapes(parameters: dict[str, nn.Parameter]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in parameters.items()}


def test_the_recorded_checkpoint_becomes_the_model_at_its_sizes(recorded: dict[str, Tensor], save: Save) -> None:
    path = save({f"module.{key}": tensor for key, tensor in recorded.items()})
    tensors = converted(path)
    assert all(name.startswith("parameter/") and tensor.dtype == torch.float32 for name, tensor in tensors.items())
    model = VDIT(vd_it.model(recorded), SimpleNamespace(device=torch.device("cpu")), seed=0)
    fits(shapes(model.trainable()), tensors, path)
    model.load_state_dict(parameters(tensors))
    for half, theirs in (("features", features_state(recorded)), ("head", head_state(recorded))):
        ours = getattr(model, half).state_dict()
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    back = {vd_it.key(name): tensor for name, tensor in tensors.items()}
    assert set(back) == {key for key in recorded if vd_it.reason(key) is None}
    assert all(torch.equal(tensor, recorded[key]) for key, tensor in back.items())


def test_the_recorded_baseline_becomes_the_model_with_the_pooler_it_was_trained_on(recorded_sgmg: dict[str, Tensor], save: Save) -> None:
    path = save(recorded_sgmg)
    tensors = converted(path, "sgmg")
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values())
    sizes = sgmg.model(recorded_sgmg)
    features = VideoSwinFeatures(sizes.architecture.swin)
    head = SegmentationHead(sizes.head, features.widths, sizes.architecture.roberta.hidden_size)
    both = nn.ModuleDict({"features": features, "head": head})
    fits(shapes(dict(both.named_parameters())), tensors, path)
    both.load_state_dict(parameters(tensors), strict=False)
    put_back({name: buffer for name, buffer in both.named_buffers() if buffer.is_floating_point()}, tensors, path)
    assert torch.equal(head.queries.pooler.weight, recorded_sgmg["text_encoder.text_backbone.pooler.dense.weight"])
    for half, theirs in (("features", swin_state(recorded_sgmg)), ("head", sgmg_state(recorded_sgmg))):
        ours = {name: tensor for name, tensor in both[half].state_dict().items() if tensor.is_floating_point()}
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    back = {sgmg.key(name): tensor for name, tensor in tensors.items()}
    assert set(back) == {key for key in recorded_sgmg if sgmg.reason(key) is None}
    assert all(torch.equal(tensor, recorded_sgmg[key]) for key, tensor in back.items())


def test_the_manifest_of_the_recorded_checkpoint(recorded: dict[str, Tensor], save: Save) -> None:
    path = save(recorded)
    tensors = converted(path)
    manifest = json.loads((path.with_name("out") / "manifest.json").read_text())
    assert manifest["kind"] == "vd-it" and manifest["roberta"] == "not compared"
    assert manifest["sources"] == {"checkpoint.pth": sha256(path.read_bytes()).hexdigest()}
    # 24 tensors of box heads and 16 of adapters are there twice (spec section 10).
    assert manifest["dropped"] == {"frozen": len(recorded) - 263 - 40, "alias": 40}
    assert manifest["sizes"]["architecture.unet.block_out_channels"] == [32, 64, 64, 64]
    assert manifest["files"]["trained.safetensors"] == {
        "sha256": sha256((path.with_name("out") / "trained.safetensors").read_bytes()).hexdigest(),
        "tensors": 263,
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
    }


def equal(tensors: dict[str, Tensor], trained: VDIT) -> None:
    assert parameters(tensors).keys() == trained.trainable().keys()
    assert all(torch.equal(parameters(tensors)[name], parameter) for name, parameter in trained.trainable().items())


def test_every_form_of_a_checkpoint_gives_the_same(made: dict[str, Tensor], trained: VDIT, save: Save, tmp_path: Path) -> None:
    equal(converted(save(made)), trained)
    torch.save(made, tmp_path / "state.pth")
    equal(converted(tmp_path / "state.pth"), trained)
    save_file({key: tensor.clone() for key, tensor in made.items()}, tmp_path / "state.safetensors")
    equal(converted(tmp_path / "state.safetensors"), trained)


def test_what_is_left_out_is_counted_and_said(made: dict[str, Tensor], save: Save) -> None:
    said: list[str] = []
    path = save(made)
    convert(path, path.with_name("out"), None, said.append)
    dropped = json.loads((path.with_name("out") / "manifest.json").read_text())["dropped"]
    # Six tensors of each of two box heads and all 16 of the adapters; 13 of frozen networks and a projection that nothing reads.
    assert dropped == {"alias": 2 * 6 + 16, "frozen": 14, "counters": 1}
    assert [line.split(":")[0] for line in said] == ["trained.safetensors", "RoBERTa", "vd-it; left out", "sizes"]
    assert "28 alias" in said[2] and "head.width 64 (published: 256)" in said[3]


def test_what_is_left_out_of_the_baseline(made_sgmg: dict[str, Tensor], baseline: VDIT, save: Save) -> None:
    path = save(made_sgmg)
    tensors = converted(path, "sgmg")
    equal(tensors, baseline)
    assert {name for name in tensors if name.startswith("kept/")} == {f"kept/{name}" for name in baseline.kept()}
    dropped = json.loads((path.with_name("out") / "manifest.json").read_text())["dropped"]
    # A buffer for each block of Video Swin, and RoBERTa without its pooler.
    blocks = sum(baseline.features.config.depths)
    assert dropped == {"alias": 2 * 6, "buffers": blocks, "frozen": len(baseline.frozen.roberta.state_dict()), "counters": 1}


TRAINED = [
    "query_tensors",
    "query_embed.weight",
    "transformer.level_embed",
    "transformer.encoder.layers.0.linear1.weight",
    "transformer.encoder.layers.1.self_attn.sampling_offsets.bias",
    "transformer.encoder.layers.0.self_attn.attention_weights.weight",
    "transformer.decoder.layers.1.self_attn.in_proj_weight",
    "class_embed.1.bias",
    "text_proj.fc.weight",
    "bbox_embed.1.layers.2.weight",
    "backbone.0.diff_ftex.cross_attn.cros_attn.w_qs.weight",
    "backbone.0.diff_ftex.cross_attn.pos_ffn.w_2.bias",
    "backbone.0.diff_ftex.projection.linear1.weight",
    "backbone.0.diff_ftex.noise_fc.2.weight",
    "backbone.0.diff_ftex.act_1_postprocess.1.weight",
]
TRAINED_SGMG = [
    "sentence_proj.fc.weight",
    "text_encoder.text_backbone.pooler.dense.weight",
    "text_encoder.text_backbone.pooler.dense.bias",
    "input_fft.0.fc.2.weight",
    "input_fft_post.3.conv2.bias",
    "fusion_module.multihead_attn.out_proj.weight",
    "backbone.0.body.patch_embed.proj.weight",
    "backbone.0.body.layers.0.blocks.0.attn.relative_position_bias_table",
    "backbone.0.body.layers.3.blocks.1.mlp.fc2.bias",
    "backbone.0.body.downsamples.2.reduction.weight",
]


@pytest.mark.parametrize("how", ["missing", "renamed", "of another shape", "in half precision"])
@pytest.mark.parametrize(("source", "key"), [*(("made", key) for key in TRAINED), *(("made_sgmg", key) for key in TRAINED_SGMG)])
def test_one_tensor_that_does_not_fit_is_named(request: pytest.FixtureRequest, save: Save, source: str, key: str, how: str) -> None:
    spoilt = dict(request.getfixturevalue(source))
    tensor = spoilt.pop(key)
    if how == "renamed":
        spoilt[f"{key}_old"] = tensor
    elif how == "of another shape":
        spoilt[key] = torch.cat([tensor, tensor])
    elif how == "in half precision":
        spoilt[key] = tensor.half()
    path = save(spoilt)
    with pytest.raises(ValueError) as refused:
        converted(path)
    assert key in str(refused.value) and "checkpoint.pth" in str(refused.value)
    assert not path.with_name("out").exists()


@pytest.mark.parametrize("key", ["backbone.0.diff_ftex.discriminator.weight", "criterion.empty_weight", "text_encoder.other.weight"])
def test_a_key_that_is_no_known_part_is_named(made: dict[str, Tensor], save: Save, key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is unknown"):
        converted(save({**made, key: torch.zeros(1)}))


@pytest.mark.parametrize(
    ("source", "key"), [("made", "backbone.0.diff_ftex.unet.extra.weight"), ("made_sgmg", "text_encoder.text_backbone.extra.bias")]
)
def test_a_tensor_that_no_frozen_network_has_is_named_before_anything_is_written(
    request: pytest.FixtureRequest, save: Save, source: str, key: str
) -> None:
    path = save({**request.getfixturevalue(source), key: torch.zeros(1)})
    with pytest.raises(ValueError, match=rf"checkpoint\.pth does not fit: {key} is unknown"):
        converted(path)
    assert not path.with_name("out").exists()


@pytest.mark.parametrize("alias", ["transformer.decoder.bbox_embed.1.layers.2.weight", "backbone.0.diff_ftex.act_postprocess.0.1.weight"])
def test_an_alias_that_differs_from_its_original_is_named(made: dict[str, Tensor], save: Save, alias: str) -> None:
    assert alias in made
    with pytest.raises(ValueError, match=alias):
        converted(save({**made, alias: made[alias] + 1}))


def test_aliases_need_not_be_there(made: dict[str, Tensor], trained: VDIT, save: Save) -> None:
    equal(converted(save({key: tensor for key, tensor in made.items() if vd_it.reason(key) != "alias"})), trained)


def test_another_models_checkpoint_is_refused(save: Save) -> None:
    with pytest.raises(ValueError, match=r"no released checkpoint: expected keys backbone\.0\.diff_ftex\.\* .vd-it.*found conv\.weight"):
        converted(save({"conv.weight": torch.zeros(1)}))
