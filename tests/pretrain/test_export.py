"""Oracles: the loaders of the backbones, the weights as they were trained, the bytes of a second export."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit.backbones import miniature, video_swin
from vdit.commands.pretrain import SHIPPED_BYTES
from vdit.config.model import Model
from vdit.model.networks import seeded
from vdit.pretrain import export
from vdit.pretrain.recipe import Pretraining
from vdit.pretrain.training import weights
from vdit.registry import find
from vdit.train.folder import DRAFT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(finished: Pretraining) -> Path:
    return export.export(finished)


def test_the_backbones_load_the_trained_weights_to_the_precision_of_the_file(finished: Pretraining, checkpoint: Path) -> None:
    frozen = miniature.load(finished.model, checkpoint, CPU)
    denoiser, towers = weights(finished.place("denoiser").folder), weights(finished.place("towers").folder)
    loaded = {
        **{f"unet.{name}": tensor for name, tensor in frozen.unet.state_dict().items()},
        **{f"text.{name}": tensor for name, tensor in frozen.text_encoder.state_dict().items() if "position_ids" not in name},
    }
    assert loaded.keys() == denoiser.keys()
    trained = {name.removeprefix("visual."): tensor for name, tensor in towers.items() if name.startswith("visual.")}
    pairs = [(loaded, denoiser), (frozen.image_tower.state_dict(), trained)]
    pairs += [(frozen.roberta.state_dict(), weights(finished.place("words").folder))]
    autoencoder = weights(finished.place("autoencoder").folder)
    pairs += [(frozen.vae.state_dict(), {name: tensor for name, tensor in autoencoder.items() if name in frozen.vae.state_dict()})]
    pairs += [(video_swin.load(finished.model, checkpoint, CPU).swin, weights(finished.place("swin").folder))]
    for found, expected in pairs:
        assert expected and all(torch.equal(found[name], expected[name].half().float()) for name in expected)


def test_it_says_that_it_is_trained_how_and_what_its_unet_predicts(finished: Pretraining, checkpoint: Path) -> None:
    card = json.loads((checkpoint / "vdit.json").read_text())
    assert (card["trained"], card["recipe"], card["seed"], card["key"]) == (True, "nano", 3, finished.key)
    assert card["weights"] == export.weights_digest(checkpoint)
    assert (checkpoint / "recipe.yaml").read_text() == finished.text
    assert json.loads((checkpoint / "scheduler/scheduler_config.json").read_text())["prediction_type"] == "v_prediction"
    other = replace(finished.model, backbone=replace(finished.model.backbone, seed=5))
    assert miniature.load(other, checkpoint, CPU), "trained weights have no seed"


def test_random_controls_stand_beside_it(finished: Pretraining, checkpoint: Path) -> None:
    kept, drawn = (find("backbones", name).load(finished.model, checkpoint, CPU) for name in ("miniature", "random"))
    assert torch.equal(kept.roberta.embeddings.word_embeddings.weight, drawn.roberta.embeddings.word_embeddings.weight)
    assert not torch.equal(kept.unet.conv_in.weight, drawn.unet.conv_in.weight)


def test_the_same_weights_give_the_same_bytes(finished: Pretraining, checkpoint: Path) -> None:
    def digests() -> dict[str, str]:
        files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
        return {str(path.relative_to(checkpoint)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    torch.rand(3)
    assert export.export(finished) == checkpoint and digests() == before
    assert not list(finished.folder.glob(".checkpoint*"))


def test_the_gates_table_stays_with_the_weights_that_it_is_of(finished: Pretraining, checkpoint: Path) -> None:
    table, damaged = checkpoint / "gate.json", checkpoint / "unet/diffusion_pytorch_model.safetensors"
    table.write_text("{}")
    (checkpoint / "tokenizer/vocab.json").unlink()
    (checkpoint / "vdit.json").write_text("{torn")
    export.export(finished)
    assert table.read_text() == "{}" and (checkpoint / "tokenizer/vocab.json").exists()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    export.export(finished)
    assert not table.exists() and json.loads((checkpoint / "vdit.json").read_text())["weights"] == export.weights_digest(checkpoint)


def test_a_draft_has_a_name_that_is_known_and_one_of_a_killed_process_is_no_hindrance(
    finished: Pretraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[Path] = []

    def full(place: Path, *_: object) -> None:
        drafts.append(place)
        assert not any(place.iterdir())
        raise OSError("disk full")

    monkeypatch.setattr(miniature, "write", full)
    with pytest.raises(OSError, match="disk full"):
        export.export(finished)
    drafts[0].mkdir()
    (drafts[0] / "torn.safetensors").touch()
    with pytest.raises(OSError, match="disk full"):
        export.export(finished)
    assert drafts[0] == drafts[1] and DRAFT.fullmatch(drafts[0].name) and not drafts[0].exists()


def test_a_copy_replaces_a_checkpoint_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    export.copy(checkpoint, tmp_path / "deep/new")
    (tmp_path / "deep/new/gate.md").touch()
    export.copy(checkpoint, tmp_path / "deep/new")
    assert not (tmp_path / "deep/new/gate.md").exists(), "the table of other weights"
    assert {path.name for path in (tmp_path / "deep/new").iterdir()} == {path.name for path in checkpoint.iterdir()}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new"]
    export.copy(checkpoint, checkpoint)
    assert (checkpoint / "vdit.json").is_file()


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (("thesis.tex",), "thesis.tex"),
        (("recipe.yaml",), "recipe.yaml"),
        (("recipe.yaml", "presets/nano.yaml"), "presets"),
        (("vdit.json", "recipe.yaml", "unet/config.json", "notes.md"), "notes.md"),
    ],
)
def test_a_copy_removes_nothing_that_is_no_checkpoint(checkpoint: Path, tmp_path: Path, files: tuple[str, ...], named: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=rf"holds something else than a pretrained checkpoint \({named}\)"):
        export.copy(checkpoint, tmp_path)
    assert all((tmp_path / name).is_file() for name in files)


def test_a_copy_to_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").touch()
    with pytest.raises(ValueError, match="weights is a file; name a new folder"):
        export.replaceable(tmp_path / "weights")


def test_weights_that_half_precision_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="towers has weights beyond"):
        export.halved(torch.tensor([1.0, 1e6]), "towers")


def test_the_shipped_sizes_fit_into_twenty_megabytes(model: Model, tmp_path: Path) -> None:
    drawn = seeded(model.architecture, 0)
    for network in (drawn.unet, drawn.vae, drawn.text_encoder, drawn.image, drawn.roberta):
        network.half()
    miniature.write(tmp_path, tmp_path, model.architecture, drawn, "v_prediction")
    swin = sum(tensor.numel() for tensor in video_swin.draw(model.architecture.swin, 0, CPU).values()) * 2
    assert export.size(tmp_path) + swin < SHIPPED_BYTES
