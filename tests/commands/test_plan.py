"""What `vdit plan` prints. Oracle: the plan itself."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vdit.commands.plan import command, duration, size

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


def run(runs: Path, *arguments: str, study: str = "demo") -> str:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(EXPERIMENTS / f"{study}.yaml"), *arguments], obj={"runs": runs}, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_arms_counts_stages_and_estimate_are_printed(tmp_path: Path) -> None:
    text = run(tmp_path)
    for word in (
        "VD-IT without noise prediction",
        "random features",
        "5 points, 5 distinct trials, 0 done, 5 missing",
        "VAE latents",
        "Estimate: ",
    ):
        assert word in text
    assert "The miniature world is not the paper's data" in text


def test_stages_fit_a_terminal_of_80_columns(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    text = CliRunner().invoke(app, [str(EXPERIMENTS / "demo.yaml")], obj={"runs": tmp_path}, env={"COLUMNS": "80"}).output
    assert "│ text embeddings │" in text and "…" not in text
    told = " ".join(text.split())
    assert "Not shareable: U-Net features (2 arms): the projection of the prompt is trained." in told
    assert "Shareable: U-Net features (1 arm): frozen, drawn from data.seed alone; one copy." in told


def test_what_arms_share_is_counted(tmp_path: Path) -> None:
    text = (
        (EXPERIMENTS / "demo.yaml").read_text().replace("arms:\n", "arms:\n  again: {prompt: image+text, noise: predicted, timestep: 0}\n")
    )
    (tmp_path / "twice.yaml").write_text(text)
    assert "6 points, 5 distinct trials (1 shared: 3 min less), 0 done" in run(tmp_path, study=str(tmp_path / "twice"))


def test_a_finished_trial_is_shown_as_done(tmp_path: Path) -> None:
    key = json.loads(run(tmp_path, "--json"))["trials"][0]["key"]
    (tmp_path / "trials" / key[:16]).mkdir(parents=True)
    (tmp_path / "trials" / key[:16] / "result.json").write_text('{"seconds": 60}')
    text = run(tmp_path)
    assert "1 done, 4 missing" in text and "Estimate: 4 min" in text


def test_json_is_the_plan(tmp_path: Path) -> None:
    made = json.loads(run(tmp_path, "--json"))
    assert made["study"] == "demo" and [trial["arm"] for trial in made["trials"]] == made["arms"]


def test_a_study_of_data_that_is_not_given_is_planned_provisionally(tmp_path: Path) -> None:
    text = run(tmp_path, study="refcoco")
    assert "1 points, 1 distinct trials, 0 done, 1 missing" in text
    assert "No folder of refcoco is given (--data DIR): keys are provisional" in text


def test_times_and_sizes_are_rounded_for_people() -> None:
    assert [duration(seconds) for seconds in (5, 59.4, 90, 5399, 7200)] == ["5 s", "59 s", "2 min", "90 min", "2 h"]
    assert [size(count) for count in (0, 999, 1000, 5e7, 2e9, 3e12)] == ["0 B", "999 B", "1 kB", "50 MB", "2 GB", "3.0 TB"]


def test_the_budget_is_shown_beside_the_estimate(tmp_path: Path) -> None:
    """Five points of the preset's time and disk on two GPUs each, an hour of wall and half a GPU hour gone."""
    demo = (EXPERIMENTS / "demo.yaml").read_text()
    study = tmp_path / "demo.yaml"
    study.write_text(demo + "budget: {gpu_hours: 40, disk_gb: 5}\nlaunch: {gpus: 1, workers: 2}\n")
    (tmp_path / "runs/studies/demo").mkdir(parents=True)
    (tmp_path / "runs/studies/demo/spent.json").write_text('{"wall_seconds": 3600, "gpu_seconds": 1800}')
    app = typer.Typer()
    app.command()(command)
    for arguments in ([], ["--json"]):
        result = CliRunner().invoke(app, [str(study), *arguments], obj={"runs": tmp_path / "runs"}, env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        if arguments:
            made = json.loads(result.output)
            hours = made["estimate"]["seconds"] / 3600
            disk = made["estimate"]["disk_bytes"] / 1e9
            assert made["budget"] == {
                "gpu_hours": {"needed": pytest.approx(2 * hours), "spent": 0.5, "limit": 40},
                "wall_hours": {"needed": pytest.approx(hours), "spent": 1.0, "limit": None},
                "disk_gb": {"needed": pytest.approx(disk), "spent": 0.0, "limit": 5},
            }
        else:
            assert "GPU hours, " in result.output and " of 40 gpu_hours (0.5 spent); " in result.output and "of 5 disk_gb" in result.output
