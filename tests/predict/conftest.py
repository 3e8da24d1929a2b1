"""A finished trial of one step on a world of two videos, shared by all tests; read only."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import trained
from vdit.train.group import Member
from vdit.train.session import Session
from vdit.train.trained import Trained

STUDY = """
study: once
preset: miniature
data:
  benchmark: miniature
  seed: 0
  frames: 2
  world: {train_videos: 2, valid_videos: 2, frames: 5, height: 32, width: 64, objects: 2}
train: {max_steps: 1}
evaluate: {light: [], drift_clips: 0, window: 2, short_side: 48}
design: listed
reference: VD-IT
seeds: [0]
arms:
  VD-IT: {prompt: image+text, noise: predicted}
measure: [components, consistency, quality]
"""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, process_group: None) -> Path:
    """The folder of runs; frames are resized to be predicted, and a video is three windows."""
    root = tmp_path_factory.mktemp("finished")
    study = root / "once.yaml"
    study.write_text(STUDY)
    plan = planning.build(spec.read(str(study)), root / "runs")
    session = Session(Member(0, 1, torch.device("cpu")), root / "runs")
    progress = session.open(prepare(plan.trials[0], plan, root / "runs"))
    while not progress.finished:
        progress = session.advance()
    return root / "runs"


@pytest.fixture(scope="session")
def place(runs: Path) -> Path:
    (found,) = (runs / "trials").iterdir()
    return found


@pytest.fixture(scope="session")
def model(place: Path, runs: Path) -> Trained:
    return trained.load(place, runs, torch.device("cpu"))


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes an mp4 of a bright square that moves."""

    def write(frames: int, height: int = 32, width: int = 64, name: str = "film.mp4") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (width, height))
        for index in range(frames):
            image = np.full((height, width, 3), 40, np.uint8)
            image[8:20, 2 * index : 2 * index + 12] = (30, 60, 230)
            writer.write(image)
        writer.release()
        return path

    return write
