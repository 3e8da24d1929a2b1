"""What several tests start from: a study so small that a trial takes seconds, and the shared material where it is present."""

from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

TINY = """
study: tiny
preset: miniature
data:
  benchmark: miniature
  seed: 0
  frames: 2
  world: {train_videos: 3, valid_videos: 2, frames: 4, height: 32, width: 64, objects: 2}
train: {max_steps: 6}
evaluate: {light: [0.4], light_draws: 1, drift_clips: 2, drift_frames: 3}
launch: {checkpoint_every: 2, report_every: 1}
design: listed
reference: VD-IT
seeds: [0]
arms:
  VD-IT: {prompt: image+text, noise: predicted}
  VD-T: {prompt: text, noise: gaussian}
measure: [components, consistency, quality, drift, light]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a study with two arms, six steps each, on 32x64 pixels."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared material is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def process_group() -> Iterator[None]:
    """A process group of this process alone: one for all tests, because DeepSpeed keeps the first it sees."""
    import torch

    from vdit.train.group import alone

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with alone(torch.device("cpu")):
        yield
    torch.set_num_threads(threads)
