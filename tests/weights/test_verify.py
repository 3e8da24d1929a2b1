"""Oracle: the recorded runs of the released models (oracle/README.md), and the same with something wrong planted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from vdit.cli import app
from vdit.weights import case as cases
from vdit.weights.verify import Row, compare, failures, verify

VD_IT = ("oracle.json", "weights.safetensors")
SGMG = ("sgmg/sgmg.json", "sgmg/sgmg_weights.safetensors")


@pytest.fixture
def oracle(shared: Path) -> Path:
    return shared / "oracle"


def rows_of(oracle: Path, model: tuple[str, str], case: Path) -> list[Row]:
    ((_, rows),) = verify(oracle / model[0], oracle / model[1], [case])
    return rows


@pytest.mark.parametrize(
    ("model", "name", "modes"),
    [
        (VD_IT, "a", {"train", "eval"}),
        (VD_IT, "d", {"train", "eval"}),
        (SGMG, "sgmg/sgmg_a", {"train", "eval"}),
        (SGMG, "sgmg/sgmg_f", {"eval"}),
    ],
)
def test_every_recorded_value_loss_and_gradient_is_reproduced(oracle: Path, model: tuple[str, str], name: str, modes: set[str]) -> None:
    path = oracle / f"{name}.safetensors"
    rows = rows_of(oracle, model, path)
    recorded = {key for key in load_file(path) if not key.startswith("inputs/")}
    assert {row.name for row in rows} == recorded
    assert {row.name.split("/")[0] for row in rows} == modes
    assert not failures(rows)
    # Tighter than the command asks for: values agree to rounding.
    assert max(row.relative for row in rows if not row.gradient) < 3e-5
    if "train" in modes:
        assert sum("/losses/" in row.name for row in rows) == 28


def spoilt(source: Path, target: Path, key: str, change: Any) -> Path:
    tensors: dict[str, Tensor] = load_file(source)
    tensors[key] = change(tensors[key])
    save_file(tensors, target)
    return target


def test_a_weight_that_is_off_by_a_thousandth_is_seen(oracle: Path, tmp_path: Path) -> None:
    key = "backbone.0.diff_ftex.projection.linear1.weight"
    weights = spoilt(oracle / "weights.safetensors", tmp_path / "weights.safetensors", key, lambda tensor: tensor * 1.001)
    result = CliRunner().invoke(
        app, ["weights", "verify", "--config", str(oracle / "oracle.json"), "--weights", str(weights), str(oracle / "d.safetensors")]
    )
    assert result.exit_code == 1
    assert "d.safetensors: train/inter/image_tokens_projected differs by" in result.stderr
    assert "max abs  relative" in result.stdout


def test_a_recorded_value_that_is_not_computed_here_or_has_another_shape_fails(oracle: Path) -> None:
    unknown = compare("train/inter/new", torch.ones(2), None)
    odd = compare("train/inter/new", torch.ones(2), torch.ones(3))
    assert failures([unknown]) == ["train/inter/new not computed here"]
    assert failures([odd]) == ["train/inter/new is (3,), recorded (2,)"]


def test_differences_are_relative_to_the_largest_recorded_magnitude_and_nan_is_no_agreement() -> None:
    row = compare("train/out/x", torch.tensor([10.0, 0.0]), torch.tensor([10.0, 0.002]))
    assert row.relative == pytest.approx(2e-4) and not row.met
    assert compare("train/grads/x", torch.tensor([10.0, 0.0]), torch.tensor([10.0, 0.002])).met
    assert not compare("train/out/x", torch.ones(2), torch.full((2,), torch.nan)).met


def test_gradients_that_differ_in_the_median_fail_though_each_is_within_its_bound() -> None:
    rows = [compare(f"train/grads/{index}", torch.ones(1), torch.ones(1) * 1.001) for index in range(3)]
    assert all(row.met for row in rows)
    assert failures(rows) == ["the median gradient differs by 1.0e-03, more than 1e-04"]


def test_masks_recorded_without_padding_are_padded(oracle: Path, tmp_path: Path) -> None:
    key = "inputs/targets/0/masks"
    path = spoilt(oracle / "d.safetensors", tmp_path / "d.safetensors", key, lambda masks: masks[:, :50, :70].contiguous())
    targets = cases.read(path).batch().targets
    assert targets is not None and targets.masks_BTHW.shape == (1, 1, 64, 96)
    assert torch.equal(targets.masks_BTHW[0, :, :50, :70], load_file(path)[key].bool())


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is no JSON"), ("{}", "has no 'config'"), ('{"config": {}, "weight_dict": {}}', "neither 'unet'")]
)
def test_what_is_no_configuration_is_named(oracle: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=rf"config\.json.*{said}"):
        list(verify(tmp_path / "config.json", oracle / "weights.safetensors", []))


def test_weights_of_another_model_are_refused(oracle: Path) -> None:
    with pytest.raises(ValueError, match="lack"):
        list(verify(oracle / "oracle.json", oracle / SGMG[1], []))
