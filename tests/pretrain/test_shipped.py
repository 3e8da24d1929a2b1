"""The checkpoint that comes with the package is what its recipe, card and gate say, and is small enough to come with it."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file

from vdit.backbones import miniature, video_swin
from vdit.commands.pretrain import SHIPPED_BYTES
from vdit.config.identity import weights_identity
from vdit.config.shipped import located
from vdit.pretrain import export
from vdit.pretrain.gate import table
from vdit.study.preset import base_trial

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
SHIPPED = located("shipped:miniature")
CARD = json.loads((SHIPPED / "vdit.json").read_text())


def test_its_card_has_the_digest_of_its_weights() -> None:
    assert export.weights_digest(SHIPPED) == CARD["weights"]
    assert CARD["trained"] is True


def test_it_holds_the_recipe_that_the_project_holds() -> None:
    recipe = (EXPERIMENTS / "pretrain" / f"{CARD['recipe']}.yaml").read_text()
    assert (SHIPPED / export.RECIPE).read_text() == recipe


def test_it_is_at_most_20_mb() -> None:
    assert export.size(SHIPPED) <= SHIPPED_BYTES


def test_its_gate_was_asked_of_these_weights_and_of_three_seeds(tmp_path: Path) -> None:
    gate = table.read(SHIPPED / table.JSON)
    trial, _ = base_trial(EXPERIMENTS / "demo.yaml", "miniature", {})
    assert set(gate.verdicts) == {"a", "b", "c", "d", "e", "f"}
    assert gate.about["digest"] == weights_identity(trial, tmp_path)
    assert gate.about["seeds"] == [0, 1, 2]


def test_its_video_swin_has_as_many_weights_as_its_u_net() -> None:
    """To a hundredth: the comparison is of what they were pretrained for."""
    files = (SHIPPED / video_swin.FILE, SHIPPED / "unet" / "diffusion_pytorch_model.safetensors")
    swin, unet = (sum(tensor.numel() for tensor in load_file(path).values()) for path in files)
    assert abs(swin / unet - 1) < 0.01


def test_the_preset_of_its_name_reads_it() -> None:
    trial, _ = base_trial(EXPERIMENTS / "demo.yaml", "miniature", {})
    assert json.loads(json.dumps(asdict(trial.model.architecture))) == CARD["architecture"]
    assert located(trial.launch.weights) == SHIPPED
    frozen = miniature.load(trial.model, SHIPPED, torch.device("cpu"))
    assert next(frozen.unet.parameters()).dtype == torch.float32
    assert video_swin.load(trial.model, SHIPPED, torch.device("cpu")).swin
