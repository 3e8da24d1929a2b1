"""A project of one study, one small preset and DeepSpeed's file, to be written differently by each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]

PRESET = """
model: {backbone: {name: miniature}}
data: {benchmark: miniature}
estimate: {seconds_per_trial: 10, bytes_per_trial: 1000, source: test}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes experiments/demo.yaml of a project that is the current folder."""
    (tmp_path / "experiments" / "presets").mkdir(parents=True)
    (tmp_path / "experiments" / "presets" / "small.yaml").write_text(PRESET)
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "deepspeed.json").write_text('{"gradient_clipping": 0.5}')
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        path = tmp_path / "experiments" / "demo.yaml"
        path.write_text(text)
        return path

    return write
