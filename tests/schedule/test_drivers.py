"""Two drivers in one runs folder. The other one is a process of its own, or a file as another machine would leave it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vdit.config.key import folder_name
from vdit.schedule import drivers

KEYS = [digit * 64 for digit in "0123"]
OTHER = """
import sys, time
from pathlib import Path
from vdit.schedule import drivers
with drivers.claim(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]):
    print("claimed", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs study `first` with two trials, until it is killed."""
    command = [sys.executable, "-c", OTHER, str(tmp_path), "first", *KEYS[:2]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None and process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.communicate()


def remote(runs: Path, age: float) -> Path:
    """As a driver on another machine left it, `age` seconds after its last heartbeat; nobody here locks it."""
    folder = runs / drivers.FOLDER
    folder.mkdir(exist_ok=True)
    about = {"study": "first", "host": "far", "machine": "another", "pid": 7, "started": 0.0, "trials": [folder_name(KEYS[0])]}
    file = folder / "first-far-7.json"
    file.write_text(json.dumps(about))
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_a_second_driver_of_a_study_is_refused_and_told_of_the_first(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(ValueError, match=rf"study 'first' on .*, process {other.pid}, since .* runs already"):
        drivers.claim(tmp_path, "first", KEYS)
    assert len(list((tmp_path / "drivers").glob("*.json"))) == 1


def test_it_is_told_how_to_look_at_the_first_where_there_is_a_way(tmp_path: Path) -> None:
    with drivers.claim(tmp_path, "first", KEYS):
        with pytest.raises(ValueError, match=r"wait for it or end it \(vdit status first shows how it stands\)$"):
            drivers.claim(tmp_path, "first", KEYS, "vdit status first")
        with pytest.raises(ValueError, match=r"wait for it or end it$"):
            drivers.claim(tmp_path, "first", KEYS)


def test_a_trial_that_another_study_runs_is_left_to_it(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with drivers.claim(tmp_path, "second", KEYS[1:3]) as mine:
        assert {key: driver.study for key, driver in mine.others.items()} == {KEYS[1]: "first"}
        (me,) = [driver for driver in drivers.alive(tmp_path / "drivers") if driver.study == "second"]
        assert me.trials == (folder_name(KEYS[2]),)
    assert [driver.study for driver in drivers.alive(tmp_path / "drivers")] == ["first"]


def test_what_a_killed_driver_held_is_free_at_once(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with drivers.claim(tmp_path, "first", KEYS) as mine:
        assert mine.others == {}
        assert len(list((tmp_path / "drivers").glob("*.json"))) == 1


def test_a_driver_on_another_machine_lives_while_its_heart_beats(tmp_path: Path) -> None:
    remote(tmp_path, age=60)
    with pytest.raises(ValueError, match="on far, process 7"):
        drivers.claim(tmp_path, "first", KEYS)


def test_a_driver_on_another_machine_whose_heart_stopped_is_taken_over(tmp_path: Path) -> None:
    left = remote(tmp_path, age=150)
    with drivers.claim(tmp_path, "first", KEYS) as mine:
        assert mine.others == {} and not left.exists()


def test_a_claim_touches_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "BEAT_SECONDS", 0.01)
    with drivers.claim(tmp_path, "first", KEYS) as mine:
        os.utime(mine.path, (0, 0))
        deadline = time.monotonic() + 10
        while mine.path.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not mine.path.exists()


def test_a_torn_file_is_nobodys(tmp_path: Path) -> None:
    remote(tmp_path, age=0).write_text('{"study": "fir')
    with drivers.claim(tmp_path, "first", KEYS) as mine:
        assert mine.others == {}


def test_a_trial_that_is_added_is_claimed_like_the_others_and_what_another_runs_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: another driver that is started after it."""
    monkeypatch.setattr(drivers, "BEAT_SECONDS", 0.01)
    with drivers.claim(tmp_path, "first", KEYS[:1]) as mine, drivers.claim(tmp_path, "second", KEYS[1:2]):
        assert mine.add(KEYS[0]) is None and mine.add(KEYS[2]) is None
        owner = mine.add(KEYS[1])
        assert owner is not None and owner.study == "second"
        with drivers.claim(tmp_path, "third", KEYS[:3]) as third:
            assert {key: driver.study for key, driver in third.others.items()} == {KEYS[0]: "first", KEYS[1]: "second", KEYS[2]: "first"}
        os.utime(mine.path, (0, 0))
        deadline = time.monotonic() + 10
        while mine.path.stat().st_mtime == 0:
            assert time.monotonic() < deadline, "the heart beats for another entry than the one that counts"
            time.sleep(0.01)
    assert not list(tmp_path.glob("drivers/*.json"))


def test_a_driver_that_was_suspended_while_it_looked_is_named_and_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "ALONE_SECONDS", 0.1)
    with drivers.alone(tmp_path), pytest.raises(ValueError, match=r"has held .*/lock for 0\.1 s; end it"), drivers.alone(tmp_path):
        raise AssertionError("two at once")
