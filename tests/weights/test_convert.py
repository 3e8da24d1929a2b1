"""What is converted how: a file, a folder, and what is neither."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from vdit.weights.convert import convert


def test_a_file_is_a_trained_model(made: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(made, tmp_path / "model.pth")
    convert(tmp_path / "model.pth", tmp_path / "out", None, None, lambda _: None)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"trained.safetensors", "manifest.json"}


def test_a_folder_is_a_text_to_video_model_with_its_other_parts_inside_or_beside(folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path / "inside", None, None, lambda _: None)
    convert(folder, tmp_path / "beside", folder / "image_tower", folder / "roberta", lambda _: None)
    assert (tmp_path / "inside/manifest.json").read_bytes() == (tmp_path / "beside/manifest.json").read_bytes()
    with pytest.raises(ValueError, match="nowhere"):
        convert(folder, tmp_path / "out", tmp_path / "nowhere", None, lambda _: None)
    with pytest.raises(ValueError, match="nowhere"):
        convert(folder, tmp_path / "out", None, tmp_path / "nowhere", lambda _: None)


def test_neither_is_refused(made: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent does not exist"):
        convert(tmp_path / "absent", tmp_path / "out", None, None, lambda _: None)
    torch.save(made, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="--image-tower"):
        convert(tmp_path / "model.pth", tmp_path / "out", tmp_path, None, lambda _: None)
