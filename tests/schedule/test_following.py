"""`vdit status --watch`. Oracle: states that are given, and folders that change under a real command."""

import io
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from vdit.schedule import following
from vdit.schedule.following import Seen, follow
from vdit.study import plan as planning
from vdit.study import spec

NAMES = {"a": "VD-I, seed 0", "b": "VD-T, seed 0"}
START = "import sys; from vdit.cli import main; sys.exit(main())"


def looks() -> Iterator[Seen]:
    yield Seen({"a": "RUNNING", "b": "PLANNED"}, True, 0)
    yield Seen({"a": "RUNNING", "b": "PLANNED"}, True, 0)
    yield Seen({"a": "COMPLETE", "b": "FAILED: ValueError: [no such file]"}, True, 0)
    yield Seen({"a": "COMPLETE", "b": "COMPLETE"}, True, 0)


def shown(states: following.States) -> Sequence[str]:
    return [f"{sum(state == 'COMPLETE' for state in states.values())} done of {len(states)}"]


def test_elsewhere_than_on_a_terminal_the_changes_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SECONDS", 0.0)
    out, states = io.StringIO(), looks()
    follow(lambda: next(states), NAMES, shown, Console(file=out, width=20))
    assert out.getvalue().splitlines() == [
        "0 done of 2", "VD-I, seed 0: COMPLETE", "VD-T, seed 0: FAILED: ValueError: [no such file]", "VD-T, seed 0: COMPLETE",
    ]  # fmt: skip


def test_a_terminal_is_drawn_anew_until_all_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    out, states = io.StringIO(), looks()
    follow(lambda: next(states), NAMES, shown, Console(file=out, force_terminal=True, highlight=False))
    assert all(text in out.getvalue() for text in ("0 done of 2", "1 done of 2", "2 done of 2"))
    assert next(states, None) is None


def test_a_slow_look_is_taken_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SECONDS", 0.01)
    nothing = Seen({}, False, 0)
    assert following.timed(lambda: nothing)[1] == 0.01
    assert following.timed(lambda: time.sleep(0.05) or nothing)[1] >= 0.45


@pytest.mark.parametrize(
    ("states", "driven", "undrawn", "over"),
    [
        (["COMPLETE", "COMPLETE"], True, 0, True),
        (["COMPLETE", "SKIPPED: stopped by ASHA at step 50 of 400"], False, 0, True),
        (["COMPLETE", "SKIPPED: stopped by ASHA at step 50 of 400"], True, 0, False),  # its driver may run it on
        (["FAILED: loss is nan", "SKIPPED: budget: spent"], False, 0, True),
        (["COMPLETE", "COMPLETE"], True, 3, False),  # a search that goes on
        (["COMPLETE", "COMPLETE"], False, 3, False),  # a search that was interrupted
        (["COMPLETE", "RUNNING"], True, 0, False),
        (["COMPLETE", "PREEMPTED: interrupted"], False, 0, False),  # somebody may start it again
        (["COMPLETE", "PLANNED"], False, 0, False),
    ],
)
def test_a_study_is_over_when_nothing_changes_any_more(states: list[str], driven: bool, undrawn: int, over: bool) -> None:
    assert following.over(Seen(dict(zip("ab", states, strict=True)), driven, undrawn)) == over


def test_the_command_follows_the_folders_and_ends_quietly(tiny: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle is exit code 130; when the last trial has failed it ends by itself. On a terminal of its own, too."""
    runs = tmp_path / "runs"
    first, second = (runs / "trials" / planned.folder for planned in planning.build(spec.read(str(tiny)), runs).trials)
    command = [sys.executable, "-c", START, "status", str(tiny), "--runs", str(runs), "--watch"]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    terminal, inner = pty.openpty()
    drawn = subprocess.Popen(command, stdout=inner, stderr=inner, env={**os.environ, "TERM": "xterm"})
    os.close(inner)
    assert process.stdout is not None
    assert process.stdout.readline() == "tiny: 0/2 COMPLETE, 2 PLANNED\n"
    first.mkdir(parents=True)
    (first / "result.json").write_text('{"seconds": 1.0}')
    assert process.stdout.readline() == "VD-IT, seed 0: COMPLETE\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "") and process.returncode == 130
    second.mkdir()
    (second / "failure.json").write_text('{"reason": "loss is nan"}')
    assert drawn.wait(120) == 0
    assert b"1/2 COMPLETE, 1 FAILED" in os.read(terminal, 1 << 16)
    os.close(terminal)
