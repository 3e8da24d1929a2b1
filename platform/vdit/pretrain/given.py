"""What a stage is given, and how it says that it is done: the recipe, the sizes of the networks, where each stage's files are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vdit.config.architecture import Architecture
from vdit.config.recipe import Recipe
from vdit.train.folder import write_json

WEIGHTS, ROWS, RESULT = "weights.safetensors", "metrics.jsonl", "result.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage is trained, under which name, identity and seed."""

    folder: Path
    stage: str
    key: str
    seed: int

    @property
    def done(self) -> bool:
        """Whether the stage of this identity is here, whole."""
        path = self.folder / RESULT
        return path.exists() and bool(json.loads(path.read_bytes())["key"] == self.key)

    def finish(self, steps: int, metrics: Mapping[str, float]) -> None:
        """Written last: from now on the stage is done."""
        write_json(self.folder / RESULT, {"key": self.key, "stage": self.stage, "steps": steps, "metrics": dict(metrics)})


@dataclass(frozen=True, slots=True)
class Given:
    """`folders` and `keys` are by stage."""

    recipe: Recipe
    architecture: Architecture
    folders: Mapping[str, Path]
    keys: Mapping[str, str]

    def place(self, stage: str) -> Place:
        return Place(self.folders[stage], stage, self.keys[stage], self.recipe.seed)
