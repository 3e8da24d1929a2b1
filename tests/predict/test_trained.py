"""A finished trial as a model. Oracle: the checkpoint's own tensors."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from vdit.train import checkpoint, trained
from vdit.train.trained import Trained, find, load

CPU = torch.device("cpu")


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    """The trial alone in a folder of runs of its own."""
    return Path(shutil.copytree(place, tmp_path / "runs/trials" / place.name))


def test_a_model_has_the_parameters_of_its_checkpoint(model: Trained, place: Path) -> None:
    saved = checkpoint.read(place / "checkpoint" / checkpoint.NAME)
    assert saved is not None
    parameters = checkpoint.parameters(saved[0])
    assert parameters.keys() == model.model.trainable().keys()
    assert all(torch.equal(parameters[name], value) for name, value in model.model.trainable().items())
    assert not model.model.training


def test_other_parameters_have_another_digest(copy: Path, runs: Path, model: Trained) -> None:
    saved = checkpoint.read(copy / "checkpoint" / checkpoint.NAME)
    assert saved is not None
    changed = {name: value + 1 if name.startswith("parameter/") else value for name, value in saved[0].items()}
    checkpoint.write(copy / "checkpoint", changed, saved[1])
    assert load(copy, runs, CPU).parameters != model.parameters == load(find(runs, str(model.ticket.key)), runs, CPU).parameters


def test_a_trial_is_found_by_the_beginning_of_its_key_or_its_folder(runs: Path, place: Path, model: Trained) -> None:
    for name in (model.ticket.key, place.name, place.name[:5], str(place)):
        assert find(runs, name) == place


def test_a_trial_that_is_not_there_names_those_that_are(runs: Path, model: Trained) -> None:
    for name in ("zzz", "", model.ticket.key[:20] + "z" * 44):
        with pytest.raises(ValueError, match=rf"no trial '{name}'.*{model.ticket.key[:16]} \(VD-IT\)"):
            find(runs, name)
    with pytest.raises(ValueError, match=r"has no trial 'a'; .*\(none\)"):
        find(runs / "nowhere", "a")


def test_a_prefix_of_two_trials_is_refused(copy: Path) -> None:
    twin = copy.with_name(copy.name[:15] + ("0" if copy.name[15] != "0" else "1"))
    shutil.copytree(copy, twin)
    about = json.loads((twin / "config.json").read_text())
    (twin / "config.json").write_text(json.dumps({**about, "key": twin.name + about["key"][16:]}))
    runs = copy.parents[1]
    with pytest.raises(ValueError, match="2 trials whose keys begin with"):
        find(runs, copy.name[:15])
    assert find(runs, copy.name) == copy


def test_a_trial_that_is_not_finished_is_refused(copy: Path) -> None:
    (copy / "result.json").unlink()
    with pytest.raises(ValueError, match=r"is not finished \(no result.json\)"):
        find(copy.parents[1], copy.name)


def test_a_checkpoint_that_is_gone_is_named(copy: Path, runs: Path) -> None:
    (copy / "checkpoint" / checkpoint.NAME).unlink()
    with pytest.raises(ValueError, match=r"last.safetensors is missing"):
        load(copy, runs, CPU)


def test_other_frozen_weights_are_refused(copy: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "weights_identity", lambda *_: "another")
    with pytest.raises(ValueError, match="has other frozen weights than"):
        load(copy, runs, CPU)
