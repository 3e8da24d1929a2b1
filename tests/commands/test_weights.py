"""`vdit weights convert` as a user meets it: what it prints, and one line and exit code 2 where a checkpoint does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vdit.backbones import miniature
from vdit.study import spec

VDIT = Path(sys.executable).parent / "vdit"


def vdit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([str(VDIT), "weights", *map(str, arguments)], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("weights") / "miniature"
    miniature.build(built, spec.read("demo").base.model.architecture, 0)
    return built


def test_a_folder_is_converted_and_what_is_written_is_said(folder: Path, tmp_path: Path) -> None:
    done = vdit("convert", folder, "--to", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("unet/diffusion_pytorch_model.safetensors: 950 tensors, ")
    assert lines[-1] == str(tmp_path / "out")
    assert (tmp_path / "out/manifest.json").exists()
    quiet = vdit("convert", folder, "--to", tmp_path / "out", "--quiet")
    assert quiet.returncode == 0 and quiet.stdout.splitlines() == [str(tmp_path / "out")]


@pytest.mark.parametrize("what", ["absent", "strange", "foreign"])
def test_a_mistake_is_one_line_that_names_it_and_exit_code_2(folder: Path, tmp_path: Path, what: str) -> None:
    source = folder if what == "foreign" else tmp_path / "model.pth"
    if what == "strange":
        torch.save({"conv.weight": torch.zeros(1)}, source)
    elif what == "foreign":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "notes.txt").touch()
    done = vdit("convert", source, "--to", tmp_path / "out")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("vdit: ")]
    named = {"absent": "model.pth does not exist", "strange": "conv.weight", "foreign": "notes.txt"}[what]
    assert len(said) == 1 and named in said[0]


def test_help_names_both_kinds_of_checkpoint() -> None:
    shown = vdit("convert", "--help")
    assert shown.returncode == 0
    assert "VD-IT" in shown.stdout and "text-to-" in shown.stdout and "--image-tower" in shown.stdout
