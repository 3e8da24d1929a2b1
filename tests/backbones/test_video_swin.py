"""Oracles: torchvision's own network of the same weights, and folders spoilt one file at a time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models.video.swin_transformer import SwinTransformer3d

from vdit.backbones import miniature, video_swin
from vdit.config.model import Model

CPU = torch.device("cpu")
Copied = Callable[[], Path]


def kinetics(model: Model) -> dict[str, Tensor]:
    """State of a classifier that patches two frames at a time, as weights are published."""
    torch.manual_seed(0)
    sizes = model.architecture.swin
    return dict(SwinTransformer3d([2, 4, 4], sizes.embed_dim, list(sizes.depths), list(sizes.num_heads), list(sizes.window)).state_dict())


def with_swin(folder: Path, state: dict[str, Tensor]) -> Path:
    """The folder as one of trained weights, Video Swin's among them."""
    (folder / "vdit.json").unlink()
    (folder / "video_swin").mkdir()
    save_file(state, folder / video_swin.FILE)
    return folder


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_published_weights_are_read_without_classifier_and_to_one_frame(model: Model, copied: Copied) -> None:
    state = kinetics(model)
    start = video_swin.load(
        model, with_swin(copied(), {name: tensor.half() if "mlp" in name else tensor for name, tensor in state.items()}), CPU
    )
    read = {name for name in state if name.startswith(("patch_embed.", "features.")) and not name.endswith("relative_position_index")}
    assert start.swin.keys() == read
    for name, tensor in start.swin.items():
        expected = state[name].sum(dim=2, keepdim=True) if name == "patch_embed.proj.weight" else state[name]
        torch.testing.assert_close(tensor, expected, rtol=1e-3, atol=1e-4)
        assert tensor.dtype == torch.float32


def test_words_are_those_of_the_folder_and_frozen(model: Model, folder: Path) -> None:
    start, beside = video_swin.load(model, folder, CPU), miniature.load(model, folder, CPU)
    assert equal(start.roberta.state_dict(), beside.roberta.state_dict())
    assert start.roberta_tokenizer(["a red star"]).input_ids == beside.roberta_tokenizer(["a red star"]).input_ids
    assert not any(parameter.requires_grad for parameter in start.roberta.parameters()) and not start.roberta.training


def test_beside_drawn_weights_it_is_drawn_from_the_seed_alone(model: Model, folder: Path) -> None:
    torch.rand(3)
    before = torch.get_rng_state()
    first = video_swin.load(model, folder, CPU).swin
    assert torch.equal(torch.get_rng_state(), before)
    assert equal(dict(first), dict(video_swin.draw(model.architecture.swin, 0, CPU)))
    other = video_swin.draw(model.architecture.swin, 5, CPU)
    assert not torch.equal(first["features.0.0.attn.qkv.weight"], other["features.0.0.attn.qkv.weight"])


def test_a_folder_that_is_not_there_is_built(model: Model, tmp_path: Path) -> None:
    start = video_swin.load(model, tmp_path / "weights", CPU)
    assert equal(dict(start.swin), dict(video_swin.draw(model.architecture.swin, 0, CPU)))
    assert (tmp_path / "weights/roberta/model.safetensors").exists()


def test_drawn_weights_of_another_seed_are_refused(model: Model, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"seed 0, model\.backbone\.seed is 5"):
        video_swin.load(replace(model, backbone=replace(model.backbone, seed=5)), folder, CPU)


def test_what_is_missing_is_named(model: Model, copied: Copied) -> None:
    spoilt = with_swin(copied(), kinetics(model))
    (spoilt / video_swin.FILE).unlink()
    with pytest.raises(ValueError, match=r"video_swin/model\.safetensors is missing; a folder for Video Swin has"):
        video_swin.load(model, spoilt, CPU)


def test_other_sizes_are_named(model: Model, copied: Copied) -> None:
    trained = with_swin(copied(), kinetics(model))
    larger = replace(model, architecture=replace(model.architecture, swin=replace(model.architecture.swin, depths=(2, 2, 10, 2))))
    with pytest.raises(ValueError, match=r"features\.4\.9\..* is missing, model\.architecture\.swin makes it"):
        video_swin.load(larger, trained, CPU)
    wider = replace(model, architecture=replace(model.architecture, swin=replace(model.architecture.swin, embed_dim=64)))
    with pytest.raises(ValueError, match=r"patch_embed\.proj\.weight is \(32, 3, 1, 4, 4\), .* \(64, 3, 1, 4, 4\)"):
        video_swin.load(wider, trained, CPU)


def test_a_damaged_file_is_named(model: Model, copied: Copied) -> None:
    spoilt = with_swin(copied(), kinetics(model))
    (spoilt / video_swin.FILE).write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"video_swin/model\.safetensors is damaged"):
        video_swin.load(model, spoilt, CPU)


def test_a_roberta_without_pooler_gets_none(model: Model, folder: Path) -> None:
    assert video_swin.load(model, folder, CPU).roberta.pooler is None
