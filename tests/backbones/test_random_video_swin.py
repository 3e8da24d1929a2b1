"""Oracles: the Video Swin of the same folder, and the same seed again."""

from dataclasses import replace
from pathlib import Path

import torch

from vdit.backbones import random_video_swin, video_swin
from vdit.config.model import Model

CPU = torch.device("cpu")


def test_video_swin_is_another_draw_and_roberta_the_same(model: Model, folder: Path) -> None:
    control, beside = random_video_swin.load(model, folder, CPU), video_swin.load(model, folder, CPU)
    matrices = [name for name, weight in beside.swin.items() if weight.dim() > 1]
    assert control.swin.keys() == beside.swin.keys()
    assert not any(torch.equal(control.swin[name], beside.swin[name]) for name in matrices)
    one, other = control.roberta.state_dict(), beside.roberta.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_seed_is_the_same_control_and_another_is_not(model: Model, folder: Path) -> None:
    first, second = random_video_swin.load(model, folder, CPU), random_video_swin.load(model, folder, CPU)
    assert all(torch.equal(first.swin[name], second.swin[name]) for name in first.swin)
    drawn = video_swin.draw(model.architecture.swin, model.backbone.seed + 2, CPU)
    assert not torch.equal(first.swin["patch_embed.proj.weight"], drawn["patch_embed.proj.weight"])


def test_weights_that_are_there_are_not_read(model: Model, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for part in folder.iterdir():
        (tmp_path / "mine" / part.name).symlink_to(part)
    (tmp_path / "mine" / "video_swin").mkdir()
    (tmp_path / "mine" / "video_swin" / "model.safetensors").write_bytes(b"damaged")
    expected = random_video_swin.load(model, folder, CPU).swin
    found = random_video_swin.load(replace(model), tmp_path / "mine", CPU).swin
    assert all(torch.equal(found[name], expected[name]) for name in expected)
