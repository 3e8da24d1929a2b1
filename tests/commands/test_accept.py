"""An edit of the code as a user meets it: what `vdit plan` says, what `vdit run --accept` keeps. Oracle: result files put there by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vdit.commands import forget, plan, run, status
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.track.mlflow import default_uri
from vdit_analysis.runs import load

OLD, NEW = "a" * 64, "b" * 64
Vdit = Callable[..., str]


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a digest that of the code of today."""
    return lambda digest: monkeypatch.setattr(planning, "code_digest", lambda packages, manifests: digest)


@pytest.fixture
def vdit(tiny: Path, tmp_path: Path) -> Vdit:
    """A command on the study; what it printed."""
    app = typer.Typer()
    for member in (plan, run, status, forget):
        app.command(member.__name__.rpartition(".")[2])(member.command)

    def call(name: str, *arguments: str) -> str:
        place = {"runs": tmp_path / "runs", "quiet": False}
        result = CliRunner().invoke(app, [name, str(tiny), *arguments], obj=place, env={"COLUMNS": "250"})
        if result.exception is not None:
            raise result.exception
        return result.output

    return call


@pytest.fixture
def results(tiny: Path, tmp_path: Path, code: Callable[[str], None]) -> list[Path]:
    """Both trials of the study, finished under the older code."""
    code(OLD)
    made = planning.build(spec.read(str(tiny)), tmp_path / "runs")
    folders = [prepare(planned, made, tmp_path / "runs") for planned in made.trials]
    for folder in folders:
        (folder / "result.json").write_text('{"seconds": 1, "steps": 6, "metrics": {"jf": 50.0}}')
    return folders


@pytest.mark.slow
def test_results_are_kept_over_a_change_of_code_and_it_is_said_everywhere(
    vdit: Vdit, results: list[Path], code: Callable[[str], None], tmp_path: Path
) -> None:
    assert "all 2 trials are done" in vdit("run")
    code(NEW)
    told = vdit("plan")
    assert "Since the last run: 2 invalidated" in told and "0 done, 2 missing" in told
    assert f"code {'a' * 12} -> {'b' * 12}; if the change of code does not affect them, --accept {'a' * 12} keeps them" in told
    shown = vdit("plan", "--accept", "a" * 12)
    assert "2 done, 0 missing" in shown and f"done by {'a' * 12}, accepted" in shown
    assert not (results[0] / "accepted.json").exists(), "a plan writes nothing"

    ran = vdit("run", "--accept", "a" * 12)
    accepted = f"Accepted: results of code {'a' * 12} stand for 2 of 2 trials of code {'b' * 12}"
    assert accepted in ran and "all 2 trials are done" in ran and "invalidated" not in ran
    for folder in results:
        assert json.loads((folder / "accepted.json").read_text()) == [{"code": NEW, "study": "tiny"}]
    vdit("run")
    assert len(json.loads((results[0] / "accepted.json").read_text())) == 1
    assert sorted((tmp_path / "runs/trials").iterdir()) == sorted(results)
    assert "2/2 COMPLETE" in vdit("status") and accepted in vdit("plan")

    runs = load("tiny", default_uri(tmp_path / "runs"))
    assert runs.complete and {trial.accepted_for for trial in runs.trials.values()} == {NEW}


@pytest.mark.slow
def test_a_forgotten_result_is_not_accepted_again(vdit: Vdit, results: list[Path], code: Callable[[str], None], tmp_path: Path) -> None:
    vdit("run")
    code(NEW)
    vdit("run", "--accept", "a" * 12)
    assert "forgot VD-IT, seed 0" in vdit("forget", "--arm", "VD-IT")
    assert "1/2 COMPLETE, 1 PLANNED" in vdit("status")
    assert not results[0].exists()


def test_an_acceptance_that_nothing_would_record_is_refused(vdit: Vdit) -> None:
    with pytest.raises(ValueError, match="--accept is recorded with the study, which --local leaves alone"):
        vdit("run", "--accept", "a" * 12, "--local")


def test_arms_of_one_trial_are_listed_as_such(vdit: Vdit, tiny: Path, results: list[Path]) -> None:
    tiny.write_text(tiny.read_text().replace("measure:", "  words: {noise: gaussian, prompt: text}\nmeasure:"))
    assert "VD-T, seed 0 is also words" in vdit("plan")
    assert "VD-T = words, seed 0" in vdit("status")
