"""Oracle: the mode of any other new file."""

from pathlib import Path

import torch

from vdit.model import tensors


def test_a_file_of_tensors_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    tensors.save({"a": torch.zeros(1)}, tmp_path / "weights.safetensors", {})
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["weights.safetensors"] == modes["any"]
    assert set(modes) == {"any", "weights.safetensors"}
