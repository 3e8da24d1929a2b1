"""Oracle: which of two trials read the same data and the same frozen weights."""

from dataclasses import replace
from pathlib import Path

import pytest

from vdit.axes import backbone
from vdit.config.data import Data, World
from vdit.config.identity import data_identity, weights_identity
from vdit.config.manifest import folder_digest
from vdit.config.model import Backbone, Model
from vdit.config.trial import Launch, Trial

MINIATURE = Trial(arm="a", model=Model(backbone=Backbone(name="miniature")), data=Data(benchmark="miniature"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "file").write_text("x")
    return tmp_path / "given"


def test_a_world_is_known_by_its_description(tmp_path: Path) -> None:
    other = replace(MINIATURE, data=replace(MINIATURE.data, world=World(seed=1)))
    more_frames = replace(MINIATURE, data=replace(MINIATURE.data, frames=2))
    assert data_identity(MINIATURE, tmp_path).startswith("world:")
    assert data_identity(MINIATURE, tmp_path) == data_identity(more_frames, tmp_path) != data_identity(other, tmp_path)


def test_a_folder_is_known_by_its_content(tmp_path: Path, folder: Path) -> None:
    trial = replace(MINIATURE, launch=Launch(data=str(folder), weights=str(folder)))
    assert data_identity(trial, tmp_path / "m") == weights_identity(trial, tmp_path / "m") == folder_digest(folder, tmp_path / "m")


def test_a_benchmark_without_a_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'ref_youtube_vos' needs its data on disk; name the folder with --data DIR"):
        data_identity(Trial(arm="a"), tmp_path)


def test_drawn_weights_are_known_by_what_they_are_drawn_from(tmp_path: Path) -> None:
    model = MINIATURE.model
    trials = [
        MINIATURE,
        replace(MINIATURE, model=replace(model, backbone=Backbone(name="miniature", seed=1))),
        replace(MINIATURE, model=replace(model, backbone=Backbone(name="random"))),
        replace(
            MINIATURE, model=replace(model, architecture=replace(model.architecture, unet=replace(model.architecture.unet, sample_size=8)))
        ),
    ]
    found = [weights_identity(trial, tmp_path) for trial in trials]
    assert len(set(found)) == 4 and all(name.startswith("seeded:") for name in found)
    assert (
        weights_identity(replace(MINIATURE, seed=5, model=replace(model, prompt=replace(model.prompt, kind="text"))), tmp_path) == found[0]
    )


def test_the_random_control_beside_a_checkpoint_is_not_taken_for_it(tmp_path: Path, folder: Path) -> None:
    given = replace(MINIATURE, launch=Launch(weights=str(folder)))
    control = backbone.apply(given, "random")
    names = {weights_identity(trial, tmp_path / "m") for trial in (given, control, backbone.apply(MINIATURE, "random"))}
    assert len(names) == 3


def test_adding_the_weights_of_one_backbone_leaves_the_trials_of_the_others_as_they_are(tmp_path: Path, folder: Path) -> None:
    (folder / "image_tower").mkdir()
    (folder / "image_tower" / "file").write_text("x")
    given = replace(MINIATURE, launch=Launch(weights=str(folder)))
    trials = [backbone.apply(given, name) for name in ("modelscope", "random", "stable-diffusion", "random-stable-diffusion")]
    before = [weights_identity(trial, tmp_path / "m") for trial in trials]
    (folder / "stable_diffusion").mkdir()
    (folder / "stable_diffusion" / "file").write_text("y")
    after = [weights_identity(trial, tmp_path / "m") for trial in trials]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, False]
    (folder / "file").write_text("z")
    assert [weights_identity(trial, tmp_path / "m") for trial in trials][2:] == after[2:]
    (folder / "image_tower" / "file").write_text("z")
    assert not set(weights_identity(trial, tmp_path / "m") for trial in trials) & {*before, *after}


def test_what_is_written_about_weights_does_not_make_them_others(tmp_path: Path, folder: Path) -> None:
    trial = replace(MINIATURE, launch=Launch(weights=str(folder)))
    before = weights_identity(trial, tmp_path / "m")
    for name in ("gate.json", "gate.md", "vdit.json", "recipe.yaml"):
        (folder / name).write_text("of these weights and others beside them")
    assert weights_identity(trial, tmp_path / "m") == before
    (folder / "other.json").write_text("{}")
    assert weights_identity(trial, tmp_path / "m") != before
