"""`vdit pretrain gate`, on a command line of its own."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vdit.backbones import modelscope
from vdit.cli import main
from vdit.commands._pretrain_gate import WORLD_SEED, command, name_of, numbers, random_weights
from vdit.config.data import World
from vdit.config.model import Model
from vdit.pretrain.gate.table import Gate
from vdit.study.preset import base_trial

app = typer.Typer()
app.command()(command)


def test_it_is_a_command_beside_recipes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", "gate", "--weights", str(tmp_path), "--seeds", "one"]) == 2
    assert "--seeds is 'one'; give whole numbers" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "found"), [("0,1,2", (0, 1, 2)), ("7", (7,)), (" 3, 4", (3, 4))])
def test_seeds_are_whole_numbers(given: str, found: tuple[int, ...]) -> None:
    assert numbers(given) == found


@pytest.mark.parametrize("given", ["", "1,", "-1", "a", "1.5"])
def test_other_seeds_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="--seeds is"):
        numbers(given)


def test_an_unknown_preset_names_the_nearest(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--preset", "minature"], obj={"runs": tmp_path, "quiet": True})
    assert "--preset: preset: unknown preset 'minature'; did you mean 'miniature'?" in str(result.exception)


def test_without_weights_it_is_asked_of_random_ones(tmp_path: Path) -> None:
    trial, _ = base_trial(Path("--preset"), "miniature", {})
    place = random_weights(trial, tmp_path)
    assert place.parent == tmp_path / "weights" and modelscope.drawn_from(place) == trial.model.backbone.seed


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no network")
    result = CliRunner().invoke(app, ["--weights", str(tmp_path)], obj={"runs": tmp_path / "runs", "quiet": True})
    assert isinstance(result.exception, ValueError) and "unet/config.json is missing" in str(result.exception)
    assert not (tmp_path / "runs" / "gate").exists()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("vdit.pretrain.gate.run.run", lambda *given, **more: pytest.fail("measured"))
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "file")], obj={"runs": tmp_path / "runs", "quiet": True})
    assert isinstance(result.exception, FileExistsError) and str(tmp_path / "file") in str(result.exception)


def test_world_and_timestep_may_be_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def run(weights: Path, model: Model, world: World, *given: object, **more: object) -> Gate:
        seen.append((world.seed, model.diffusion.timestep))
        return Gate(about={}, rows=())

    monkeypatch.setattr("vdit.pretrain.gate.run.run", run)
    for options in ([], ["--world-seed", "77"], ["--timestep", "300"]):
        CliRunner().invoke(app, options, obj={"runs": tmp_path, "quiet": True}, catch_exceptions=False)
    assert seen == [(WORLD_SEED, 0), (77, 0), (WORLD_SEED, 300)]


@pytest.mark.slow
def test_random_weights_fail_and_the_table_is_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["--clips", "8", "--seeds", "0", "--json", "--out", str(tmp_path / "out")], obj={"runs": tmp_path, "quiet": True}
    )
    assert result.exit_code == 1, result.exception
    printed = json.loads(result.stdout)
    assert printed == json.loads((tmp_path / "out" / "gate.json").read_text())
    assert printed["about"]["trained"] is False and printed["verdicts"]["a"] is False
    assert (tmp_path / "out" / "gate.md").read_text().startswith("# What this backbone knows")


@pytest.mark.parametrize(("weights", "name"), [("runs/pretrain/ab12/checkpoint", "ab12"), ("weights/mine", "mine")])
def test_tables_of_two_pretrainings_lie_in_different_folders(tmp_path: Path, weights: str, name: str) -> None:
    assert name_of(tmp_path / weights) == name
