"""Oracles: what was saved comes back, in every form it may be saved in; and a pickle that would run a command runs none."""

import argparse
import os
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vdit.weights.source import DIFFUSERS, first_of, listed, read

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7)}


def whole(state: dict[str, torch.Tensor]) -> dict[str, object]:
    """What the released training scripts save."""
    return {
        "model": state,
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]},
        "lr_scheduler": {"milestones": [6, 8]},
        "epoch": 8,
        "args": argparse.Namespace(lr=1e-4, output_dir="out", masks=True),
        "grad_scaler": {},
    }


def same(path: Path) -> None:
    tensors = read(path).tensors
    assert set(tensors) == set(STATE)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in STATE.items())


@pytest.mark.parametrize("archive", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("form", ["whole", "state", "distributed", "parameters"])
def test_what_torch_saved_is_read(tmp_path: Path, form: str, archive: bool) -> None:
    forms = {
        "whole": whole(STATE),
        "state": STATE,
        "distributed": whole({f"module.{name}": tensor for name, tensor in STATE.items()}),
        "parameters": {**STATE, "a.weight": torch.nn.Parameter(STATE["a.weight"])},
    }
    torch.save(forms[form], tmp_path / "c.pth", _use_new_zipfile_serialization=archive)
    same(tmp_path / "c.pth")


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "c.safetensors")
    same(tmp_path / "c.safetensors")


def test_a_prefix_that_only_some_names_have_stays(tmp_path: Path) -> None:
    torch.save({"module.a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "c.pth")
    assert set(read(tmp_path / "c.pth").tensors) == {"module.a", "b"}


class Command:
    """Unpickled, it would run a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("archive", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("what", ["command", "fraction"])
def test_any_other_object_is_named_and_not_run(tmp_path: Path, what: str, archive: bool) -> None:
    trace = tmp_path / "trace"
    spoilt, name = (Command(f"touch {trace}"), "posix.system") if what == "command" else (Fraction(1, 2), "fractions.Fraction")
    torch.save({**whole(STATE), "extra": spoilt}, tmp_path / "c.pth", _use_new_zipfile_serialization=archive)
    with pytest.raises(ValueError, match=rf"c\.pth holds a pickled {name}, which is not loaded"):
        read(tmp_path / "c.pth")
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 40, -40], ids=["empty", "begun", "nearly whole"])
@pytest.mark.parametrize("name", ["c.pth", "c.safetensors"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, kept: int) -> None:
    path = tmp_path / name
    if name.endswith("pth"):
        torch.save(STATE, path)
    else:
        save_file(STATE, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=name):
        read(path)


def test_a_page_saved_instead_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n")
    with pytest.raises(ValueError, match=r"c\.pth is no checkpoint"):
        read(tmp_path / "c.pth")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (torch.zeros(2), "holds a Tensor, expected a state dict"),
        ({"model": torch.zeros(2)}, "'model' is no state dict but Tensor"),
        ({"model": {}}, "'model' is no state dict"),
        ({"weights": STATE, "epoch": 3}, "weights, epoch of a state dict is no tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object, said: str) -> None:
    torch.save(content, tmp_path / "c.pth")
    with pytest.raises(ValueError, match=said):
        read(tmp_path / "c.pth")


def test_safetensors_are_preferred_and_half_precision_is_not_taken_instead(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has none of diffusion_pytorch_model\.safetensors, diffusion_pytorch_model\.bin; fetch"):
        first_of(tmp_path, DIFFUSERS)
    (tmp_path / "diffusion_pytorch_model.fp16.bin").touch()
    with pytest.raises(ValueError, match=r"only diffusion_pytorch_model\.fp16\.bin in half precision"):
        first_of(tmp_path, DIFFUSERS)
    for name in reversed(DIFFUSERS):
        (tmp_path / name).touch()
        assert first_of(tmp_path, DIFFUSERS).name == name


def test_many_names_are_cut_and_counted() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcd"), 2) == "a, b and 2 more"
