"""Data and weights that are wrong: one line that names the file and the remedy, exit code 2, nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vdit.benchmarks import miniature
from vdit.config.data import World

VDIT = Path(sys.executable).parent / "vdit"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small tree in the layout of Ref-YouTube-VOS."""
    folder = tmp_path / "data"
    miniature.write(folder, World(train_videos=2, valid_videos=1, frames=4, height=32, width=64, objects=2))
    return folder


@pytest.fixture
def study(tiny: Path) -> Path:
    tiny.write_text(tiny.read_text().replace("benchmark: miniature", "benchmark: ref_youtube_vos").replace("max_steps: 6", "max_steps: 2"))
    return tiny


def refused(study: Path, data: Path, *arguments: str) -> str:
    """What `vdit run --local` says of it, on one line, with exit code 2 and without a result."""
    command = [str(VDIT), "run", str(study), "--data", str(data), "--local", "--runs", str(study.parent / "runs"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    said = [line for line in done.stderr.splitlines() if line.startswith("vdit: ")]
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(said) == 1 and "Traceback" not in done.stderr
    assert not list(study.parent.glob("runs/trials/*/result.json"))
    return said[0]


def test_a_missing_frame(study: Path, data: Path) -> None:
    victim = sorted((data / "train/JPEGImages").rglob("*.jpg"))[2]
    victim.unlink()
    assert victim.stem in refused(study, data)
    assert not (study.parent / "runs/trials").exists()


def test_a_truncated_frame(study: Path, data: Path) -> None:
    for frame in (data / "train/JPEGImages").rglob("*.jpg"):
        frame.write_bytes(frame.read_bytes()[:-100])
    said = refused(study, data, "--arm", "VD-T")
    assert ".jpg" in said and "truncated" in said


def test_a_mask_of_another_size(study: Path, data: Path) -> None:
    from PIL import Image

    for path in (data / "train/Annotations").rglob("*.png"):
        Image.open(path).resize((20, 10)).save(path)
    assert ".png" in refused(study, data, "--arm", "VD-T")


def test_videos_too_short_for_figure_4_are_refused_before_the_first_step(study: Path, data: Path) -> None:
    text = study.read_text()
    assert "drift_frames: 3" in text
    study.write_text(text.replace("drift_frames: 3", "drift_frames: 8"))
    said = refused(study, data, "--arm", "VD-T")
    assert "evaluate.drift_frames is 8" in said and "longest video, valid0000, has 4" in said
    assert not list(study.parent.glob("runs/trials/*/metrics.jsonl"))


def test_a_checkpoint_of_another_architecture(study: Path, data: Path, tmp_path: Path) -> None:
    from vdit.backbones.miniature import build
    from vdit.study import spec

    weights = tmp_path / "weights"
    build(weights, spec.read("demo").base.model.architecture, 0)
    config = json.loads((weights / "unet/config.json").read_text())
    (weights / "unet/config.json").write_text(json.dumps({**config, "cross_attention_dim": 128}))
    said = refused(study, data, "--arm", "VD-T", "--weights", str(weights))
    assert "unet" in said and "cross_attention_dim" in said


def test_a_folder_of_weights_that_lacks_a_network(study: Path, data: Path, tmp_path: Path) -> None:
    from vdit.backbones.miniature import build
    from vdit.study import spec

    weights = tmp_path / "weights"
    build(weights, spec.read("demo").base.model.architecture, 0)
    shutil.rmtree(weights / "vae")
    assert "vae" in refused(study, data, "--arm", "VD-T", "--weights", str(weights))
