"""`vdit data check` as a user meets it: lines, JSON, exit codes, and a plan that has nothing left to hash."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vdit.benchmarks import miniature
from vdit.cli import app
from vdit.config import manifest
from vdit.config.data import World
from vdit.study import plan, spec


@pytest.fixture
def data(tmp_path: Path) -> Path:
    miniature.write(tmp_path / "data", World(train_videos=2, valid_videos=1, frames=4, height=32, width=64, objects=2))
    return tmp_path / "data"


def run(data: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--runs", str(data.parent / "runs"), "data", "check", "ref_youtube_vos", str(data), *arguments])
    return done.exit_code, done.stdout


def test_a_clean_folder_is_counted_and_a_plan_hashes_nothing_again(data: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run(data)
    assert code == 0 and "train: 2 videos, 8 expressions, 8 frames, 16 masks read" in text and "0 problems, digest " in text
    assert not [path for path in data.iterdir() if path.name not in ("train", "valid", "meta_expressions", "world.json")]
    monkeypatch.setattr(manifest, "_content", lambda file: pytest.fail(f"{file} is hashed again"))
    tiny.write_text(tiny.read_text().replace("benchmark: miniature", "benchmark: ref_youtube_vos"))
    made = plan.build(spec.read(str(tiny), data=data, weights=None, start=None), data.parent / "runs")
    assert {trial.data[:16] for trial in made.trials} == {text.rsplit("digest ", 1)[1].strip()}


def test_a_download_of_train_alone_has_no_problem(data: Path) -> None:
    """meta_expressions comes with all splits."""
    shutil.rmtree(data / "valid")
    code, text = run(data)
    assert code == 0 and "train: 2 videos" in text and "valid" not in text, text


def test_problems_are_lines_and_json_and_exit_code_1(data: Path) -> None:
    lost = data / "train/Annotations/train0001/00005.png"
    lost.unlink()
    code, text = run(data)
    assert code == 1 and str(lost) in text and text.startswith("train: ") and "1 problems" in text
    code, text = run(data, "--json", "--split", "train")
    report = json.loads(text)
    assert code == 1 and list(report["splits"]) == ["train"] and str(lost) in report["problems"][0]["message"]
    code, text = run(data, "--json", "--split", "valid")
    assert code == 0 and json.loads(text)["splits"]["valid"] == {"videos": 1, "expressions": 4, "frames": 4, "masks": 8}
