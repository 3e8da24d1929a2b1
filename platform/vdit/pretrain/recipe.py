"""A recipe's file, read and resolved: everything that can be wrong with it is found here, before anything runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vdit.config.key import folder_name
from vdit.config.model import Model
from vdit.config.recipe import Recipe
from vdit.pretrain import feasible
from vdit.pretrain.given import Given, Place
from vdit.pretrain.graph import GRAPH, Stage, keys, recipe_key
from vdit.registry import nearest
from vdit.study import document, explain
from vdit.study.locate import SUFFIX, roots
from vdit.study.preset import base_trial


@dataclass(frozen=True, slots=True)
class Pretraining:
    """A recipe with the sizes of its preset, the identity of each stage, and a runs folder. `text` is the file's."""

    recipe: Recipe
    model: Model
    text: str
    keys: Mapping[Stage, str]
    runs: Path

    @property
    def key(self) -> str:
        return recipe_key(self.keys)

    @property
    def folder(self) -> Path:
        return self.runs / "pretrain" / folder_name(self.key)

    def place(self, stage: Stage) -> Place:
        return self.given().place(stage)

    def given(self) -> Given:
        """The clips of the shipped recipe are 576 MB: recipes with the same ones share a folder."""
        folders: dict[str, Path] = {stage: self.folder / stage for stage in GRAPH}
        folders["clips"] = self.runs / "pretrain" / "clips" / folder_name(self.keys["clips"])
        return Given(self.recipe, self.model.architecture, folders, {str(stage): key for stage, key in self.keys.items()})


def read(name_or_path: str, runs: Path) -> Pretraining:
    """The recipe of a file, or of the name of one in experiments/pretrain. Raises ValueError with file, key path and remedy."""
    path = resolve(name_or_path)
    text = document.read(path)
    try:
        # By way of JSON, because there a list is the right way to write a tuple, even to a strict reader.
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(text))
    except ValidationError as error:
        raise explain.of_section(error, path, Recipe) from error
    model = base_trial(path, recipe.preset, {})[0].model
    feasible.check(recipe, model, path)
    known = keys(recipe, model.architecture, runs / "manifests")
    return Pretraining(recipe, model, path.read_text(encoding="utf-8"), known, runs)


def resolve(name_or_path: str) -> Path:
    """The file of a recipe. Raises ValueError naming the nearest."""
    given = Path(name_or_path)
    if given.is_file():
        return given
    folders = [root / "experiments" / "pretrain" for root in roots()]
    files = {file.stem: file for folder in reversed(folders) for file in sorted(folder.glob(f"*{SUFFIX}"))}
    if name_or_path in files:
        return files[name_or_path]
    raise ValueError(f"no recipe {name_or_path!r} in experiments/pretrain, and no such file; {nearest(name_or_path, files)}")
