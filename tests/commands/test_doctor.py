"""`vdit doctor`. Oracle: a machine that lacks one thing at a time, simulated where the command looks."""

import fcntl
import importlib.metadata
import json
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from vdit.commands import doctor
from vdit.config import shipped

START = "import sys; from vdit.cli import main; sys.exit(main())"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def vdit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The command's checks by name, and its exit code; without the import of torch, whose turn is elsewhere."""
    app = typer.Typer()
    app.command()(doctor.command)
    here = doctor.Check("devices", "ok", "no GPU, 2 cores")
    monkeypatch.setattr(doctor, "devices", lambda: (here, False))

    def call(*arguments: str, runs: Path = tmp_path / "runs") -> dict[str, Any]:
        result = CliRunner().invoke(app, ["--json", *arguments], obj={"runs": runs}, catch_exceptions=False)
        told = json.loads(result.output)
        assert result.exit_code == (0 if told["ok"] else 1)
        assert all(bool(one["remedy"]) for one in told["checks"] if one["state"] == "problem")
        return {one["check"]: one for one in told["checks"]}

    return call


def problems(checks: dict[str, Any]) -> dict[str, str]:
    return {name: one["found"] for name, one in checks.items() if one["state"] == "problem"}


def test_this_machine_is_well_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """The whole command, torch included."""
    ran = subprocess.run(
        [sys.executable, "-c", START, "doctor", "--runs", "runs"], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert all(word in ran.stdout for word in ("python", "packages", "torch 2.", "disk", "locks", "shipped:miniature", "devices"))
    assert list(tmp_path.iterdir()) == []


def test_every_package_of_the_project_is_looked_at(vdit: Callable[..., dict[str, Any]]) -> None:
    needed = [line for line in importlib.metadata.requires("vdit") or [] if "extra ==" not in line]
    assert vdit()["packages"]["found"].startswith(f"{len(needed)} packages")


@pytest.mark.parametrize(
    ("have", "found"), [(None, "not installed; 2.60 or newer is needed"), ("2.59.1", "2.59.1, but 2.60 or newer is needed")]
)
def test_a_package_that_is_missing_or_old(
    vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, have: str | None, found: str
) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name != "ray":
            return real(name)
        if have is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return have

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert problems(vdit()) == {"ray": found}


def test_a_package_that_is_not_of_the_lock_is_named_but_no_problem(
    vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: {"ray": "99.0", "torch": f"{real('torch')}+cpu"}.get(name, real(name)))
    checks = vdit()
    assert problems(checks) == {}
    assert "packages, not as in requirements.lock: ray 99.0 (lock: 2." in checks["packages"]["found"]


@pytest.mark.parametrize(("needed", "found"), [(">=9.1", "but the project needs >=9.1"), (None, "does not have the project installed")])
def test_a_python_that_is_old_or_another(
    vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, needed: str | None, found: str
) -> None:
    def asked(name: str) -> Any:
        if needed is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return {"Requires-Python": needed}

    monkeypatch.setattr(importlib.metadata, "metadata", asked)
    assert found in problems(vdit())["python"]


def test_a_full_disk(vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**12, 10**12, 5 * 10**8))
    assert problems(vdit())["disk"].startswith("500 MB are free")


def test_a_runs_folder_that_cannot_be_made(vdit: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = problems(vdit(runs=tmp_path / "file/runs"))
    assert list(found) == ["writing"] and "Not a directory" in found["writing"]


@pytest.mark.parametrize(("error", "found"), [(OSError(37, "No locks available"), "has none ([Errno 37]"), (None, "gives one to two")])
def test_a_file_system_without_locks(
    vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, error: OSError | None, found: str
) -> None:
    def flock(file: object, operation: int) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(fcntl, "flock", flock)
    assert found in problems(vdit())["locks"]


def test_shipped_weights_that_are_gone_or_damaged(
    vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = shipped.ROOT
    monkeypatch.setattr(shipped, "ROOT", tmp_path / "pretrained")
    assert "shipped:miniature is not in" in problems(vdit())["weights"]
    shutil.copytree(real, tmp_path / "pretrained")
    assert problems(vdit()) == {}
    with next((tmp_path / "pretrained/miniature").rglob("*.safetensors")).open("r+b") as file:
        file.seek(5000)
        file.write(b"flip")
    assert "not those that were exported" in problems(vdit())["weights"]


def test_servers_that_do_not_answer(vdit: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        assert problems(vdit("--tracking-uri", f"http://{place}", "--address", place)) == {}
    found = problems(vdit("--tracking-uri", f"http://{place}", "--address", place))
    assert set(found) == {"tracking", "ray"}
    assert all(f"{place} does not answer" in text for text in found.values())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{place}")
    monkeypatch.setenv("RAY_ADDRESS", f"ray://{place}")
    assert set(problems(vdit())) == {"tracking", "ray"}


def test_addresses_that_are_no_servers_are_not_checked(vdit: Callable[..., dict[str, Any]]) -> None:
    checks = vdit("--tracking-uri", "sqlite:///mlflow.db", "--address", "auto")
    assert (checks["tracking"]["state"], checks["ray"]["state"]) == ("not checked", "not checked")


def test_a_gpu_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "version")
    assert doctor.devices()[0].state == "ok"
    (tmp_path / "version").touch()
    seen, gpus = doctor.devices()
    assert (seen.state, gpus) == ("problem", False) and "sees no GPU" in seen.found
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "A100")
    seen, gpus = doctor.devices()
    assert (seen.state, gpus) == ("ok", True) and seen.found.startswith("2 x A100, CUDA ")


def test_a_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    seen, gpus = doctor.devices()
    assert (seen.state, gpus) == ("problem", False) and seen.found.startswith("torch cannot be imported: ")


def test_a_compiler_is_needed_on_a_gpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.compiler(True).state == "ok"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert (doctor.compiler(True).state, doctor.compiler(False).state) == ("problem", "ok")
