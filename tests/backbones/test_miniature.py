"""Oracles: bytes of two builds, statistics of latents recomputed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit.backbones import miniature
from vdit.config.model import Model
from vdit.model.autoencoder import encode
from vdit.model.networks import drawn_frames

CPU = torch.device("cpu")


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_seed_gives_the_same_files_whatever_was_drawn_before(model: Model, folder: Path, tmp_path: Path) -> None:
    torch.rand(3)
    before = torch.get_rng_state()
    miniature.build(tmp_path / "again", model.architecture, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert digests(tmp_path / "again") == digests(folder)


def test_another_seed_gives_other_weights_and_the_same_tokenizers(model: Model, folder: Path, tmp_path: Path) -> None:
    miniature.build(tmp_path / "other", model.architecture, 1)
    first, other = digests(folder), digests(tmp_path / "other")
    differing = {name for name in first if first[name] != other[name]}
    assert differing == {name for name in first if name.endswith(".safetensors")} | {"vdit.json"}


def test_a_few_megabytes(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 20e6


def test_a_folder_that_is_not_there_is_built_whole(model: Model, tmp_path: Path) -> None:
    target = tmp_path / "runs" / "weights"
    frozen = miniature.load(model, target, CPU)
    assert frozen.image_size == model.architecture.image.image_size
    assert [entry.name for entry in target.parent.iterdir()] == ["weights"]


def test_what_is_interrupted_leaves_nothing(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(miniature, "save_json", full)
    with pytest.raises(OSError, match="disk full"):
        miniature.build(tmp_path / "weights", model.architecture, 0)
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_processes_wins(model: Model, copied: Callable[[], Path]) -> None:
    existing = copied()
    (existing / "mark").touch()
    miniature.build(existing, model.architecture, 0)
    assert (existing / "mark").exists() and len(list(existing.parent.iterdir())) == 1


def test_random_weights_of_another_seed_are_refused(model: Model, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"seed 0, model\.backbone\.seed is 5"):
        miniature.load(replace(model, backbone=replace(model.backbone, seed=5)), folder, CPU)


def test_trained_weights_need_no_seed(model: Model, copied: Callable[[], Path]) -> None:
    trained = copied()
    (trained / "vdit.json").write_text(json.dumps({"trained": True}))
    other = replace(model, backbone=replace(model.backbone, seed=5))
    miniature.load(other, trained, CPU)


def test_latents_have_unit_spread(model: Model, folder: Path) -> None:
    frozen = miniature.load(model, folder, CPU)
    latents = encode(frozen.vae, drawn_frames(16)).mean_NCHW * model.architecture.vae.scaling_factor
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 0.3
    torch.testing.assert_close(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=0.25, rtol=0)
