"""The shipped miniature's configuration, and a checkpoint folder of it with random weights, built once."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from vdit.backbones import miniature
from vdit.config.model import Model

PRESET = Path(__file__).resolve().parents[2] / "experiments" / "presets" / "miniature.yaml"


@pytest.fixture(scope="session")
def model() -> Model:
    return TypeAdapter(Model).validate_json(json.dumps(yaml.safe_load(PRESET.read_text())["model"]))


@pytest.fixture(scope="session")
def folder(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    built = tmp_path_factory.mktemp("weights") / "miniature"
    miniature.build(built, model.architecture, 0)
    return built


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Callable[[], Path]:
    """A copy to spoil."""
    return lambda: Path(shutil.copytree(folder, tmp_path / "copy"))
