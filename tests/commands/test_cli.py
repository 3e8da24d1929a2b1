"""The command line as a user meets it: exit codes, one line per mistake, options in any place, and start-up times."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vdit.cli import globals_first, main
from vdit.study import spec

VDIT = Path(sys.executable).parent / "vdit"


def vdit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([str(VDIT), *arguments], capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_help_lists_every_command_and_starts_fast() -> None:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        shown = vdit("--help")
        times.append(time.perf_counter() - started)
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in ("plan", "run", "status", "forget", "tables", "report", "weights", "doctor"))
    assert min(times) < 0.5 * 3, "three times what a quiet machine needs at most"


def test_global_options_may_stand_anywhere() -> None:
    assert globals_first(["run", "demo", "--runs", "x", "--debug"]) == ["--runs", "x", "--debug", "run", "demo"]
    assert globals_first(["--runs=x", "plan", "demo"]) == ["--runs=x", "plan", "demo"]
    assert globals_first(["run", "--", "--debug"]) == ["run", "--", "--debug"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "demoo"], "demo"),
        (["run", "tiny.yaml", "--arm", "VD-TT"], "did you mean 'VD-T'?"),
        (["run", "tiny.yaml", "--seed", "7"], "no seed 7; seeds: 0"),
        (["run", "davis"], "--data DIR"),
        (["run", "davis", "--data", "nowhere"], "nowhere"),
        (["run", "tiny.yaml", "--tracking-uri", "http://127.0.0.1:9"], "does not answer"),
        (["tables", "tiny.yaml"], "mlflow.db"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_exit_code_2(tiny: Path, arguments: list[str], said: str) -> None:
    done = vdit(*arguments, cwd=tiny.parent)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1 or arguments == ["nonsense"]
    assert not list(tiny.parent.glob("runs/trials/*"))


def test_ctrl_c_ends_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(spec, "read", interrupted)
    assert main(["plan", "demo"]) == 130
    assert capsys.readouterr().err == "vdit: interrupted; what was finished stays finished, and the same command goes on from here\n"


def test_debug_shows_the_traceback(tiny: Path) -> None:
    done = vdit("plan", "demoo", "--debug", cwd=tiny.parent)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
