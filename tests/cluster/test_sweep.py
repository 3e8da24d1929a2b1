"""`sweep.py` without a cluster: what it tells the three commands, recorded in their place, and what it answers."""

import importlib.util
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from vdit.config.code import code_digest
from vdit.schedule import standing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The script as a module, with a shared folder of its own."""
    spec = importlib.util.spec_from_file_location("sweep", ROOT / "cluster/sweep.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PROJECT", ROOT)
    monkeypatch.setenv("VDIT_SHARED", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = Path.cwd()
    yield module
    os.chdir(before)


@pytest.fixture
def told(sweep: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines, in order; each answers 0."""
    lines: list[list[str]] = []

    def main(line: list[str]) -> int:
        lines.append(line)
        return 0

    monkeypatch.setattr(sweep, "main", main)
    return lines


def answer(sweep: ModuleType, monkeypatch: pytest.MonkeyPatch, codes: dict[str, int]) -> list[str]:
    """The commands answer `codes`; returns the list they are written to."""
    called: list[str] = []

    def main(line: list[str]) -> int:
        called.append(line[2])
        return codes.get(line[2], 0)

    monkeypatch.setattr(sweep, "main", main)
    return called


def test_a_study_that_names_its_weights_keeps_them(sweep: ModuleType, told: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    sweep.all_of(["demo"])
    assert "--weights" not in told[0]
    sweep.all_of(["demo", "--weights", "elsewhere"])
    assert told[3][-2:] == ["--weights", "elsewhere"]


def test_without_a_name_it_is_the_papers_study_on_the_shared_data(sweep: ModuleType, told: list[list[str]], tmp_path: Path) -> None:
    for name in ("data/ref_youtube_vos", "weights"):
        (tmp_path / name).mkdir(parents=True)
    assert sweep.all_of([]) == 0
    assert [line[:3] for line in told] == [["--runs", f"{tmp_path}/runs", name] for name in ("run", "tables", "report")]
    assert {Path(line[3]).resolve() for line in told} == {ROOT / "experiments/ablation.yaml"}
    assert told[0][4:] == [
        *("--address", "auto", "--tracking-uri", ""),
        *("--data", f"{tmp_path}/data/ref_youtube_vos", "--weights", f"{tmp_path}/weights"),
    ]


def test_on_a_cluster_that_grows_trials_may_wait_for_its_machines(sweep: ModuleType, told: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "ray_bootstrap_config.yaml").touch()
    sweep.all_of(["demo"])
    assert told[0][-2:] == ["--autoscaling", f"{tmp_path}/ray_bootstrap_config.yaml"]


def test_it_prints_the_file_and_the_digests_it_uses(
    sweep: ModuleType, told: list[list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are the synced project's, wherever the script itself lies; a study of the same name in the folder it starts in is not taken."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/demo.yaml").write_text("study: other\n")
    monkeypatch.chdir(tmp_path)
    assert sweep.all_of(["demo"]) == 0
    printed, study = capsys.readouterr().out, ROOT / "experiments/demo.yaml"
    assert f"{study}, SHA-256 {sha256(study.read_bytes()).hexdigest()}" in printed
    assert f"code {code_digest()[:16]} in {ROOT}" in printed


def test_several_studies_run_one_after_the_other(sweep: ModuleType, told: list[list[str]]) -> None:
    sweep.all_of(["demo", "experiments/timestep.yaml", "--workers", "2"])
    assert [(line[2], Path(line[3]).stem) for line in told] == [
        (command, study) for study in ("demo", "timestep") for command in ("run", "tables", "report")
    ]
    assert told[0][-2:] == ["--workers", "2"]


def test_a_wrong_name_starts_nothing(sweep: ModuleType, told: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep.all_of(["demo", "ablatoin"]) == 2
    assert told == []
    assert "'ablation'" in capsys.readouterr().err


def test_failed_trials_still_get_their_tables(sweep: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    called = answer(sweep, monkeypatch, {"run": 1, "tables": 3, "report": 3})
    assert sweep.all_of(["demo"]) == 3
    assert called == ["run", "tables", "report"]


def test_a_study_one_trial_of_which_was_refused_still_gets_its_tables(
    sweep: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`vdit run` answers 2 both for bad input that a trial met and for what it met before a trial; only then a driver says what it runs."""
    called: list[str] = []

    def main(line: list[str]) -> int:
        called.append(line[2])
        if line[2] == "run":
            standing.keep_running(tmp_path / "runs/studies/demo", [] if len(called) > 1 else ["key"])
        return 2 if line[2] == "run" else 0

    monkeypatch.setattr(sweep, "main", main)
    assert sweep.all_of(["demo"]) == 2
    assert sweep.all_of(["demo"]) == 2
    assert called == ["run", "tables", "report"] * 2
    nothing_starts = answer(sweep, monkeypatch, {"run": 2})
    assert sweep.all_of(["demo"]) == 2
    assert nothing_starts == ["run"], "the trials of an earlier run do not count"


@pytest.mark.parametrize(("code", "expected"), [(2, ["run", "run"]), (130, ["run"])])
def test_bad_input_ends_a_study_and_an_interrupt_ends_all(
    sweep: ModuleType, monkeypatch: pytest.MonkeyPatch, code: int, expected: list[str]
) -> None:
    called = answer(sweep, monkeypatch, {"run": code})
    assert sweep.all_of(["demo", "timestep"]) == code
    assert called == expected


def test_without_a_shared_folder_it_says_what_to_set(
    sweep: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VDIT_SHARED")
    with pytest.raises(SystemExit) as stopped:
        sweep.all_of(["demo"])
    assert stopped.value.code == 2
    assert "VDIT_SHARED" in capsys.readouterr().err
